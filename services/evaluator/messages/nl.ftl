# What explanations say, in Dutch. The other languages have the same messages with the same values.
# A message that becomes a sentence or a line of a trace starts small and has no full stop.

## How things are written

list-all = { $first } en { $last }
list-any = { $first } of { $last }
instant = { $day }, { $time } UTC
day = { $day } { $month } { $year }
month =
    { $number ->
        [1] januari
        [2] februari
        [3] maart
        [4] april
        [5] mei
        [6] juni
        [7] juli
        [8] augustus
        [9] september
        [10] oktober
        [11] november
       *[12] december
    }
span-days =
    { $count ->
        [one] { $count } dag
       *[other] { $count } dagen
    }
span-hours = { $count } uur
span-minutes =
    { $count ->
        [one] { $count } minuut
       *[other] { $count } minuten
    }
span-seconds =
    { $count ->
        [one] { $count } seconde
       *[other] { $count } seconden
    }
word-threat =
    { $level ->
        [none] beveiligd
        [low] laag
        [medium] gemiddeld
        [high] hoog
       *[compromised] in verkeerde handen
    }
word-owner-type =
    { $owner ->
        [company] van het bedrijf
       *[personal] van de gebruiker zelf
    }
word-agent =
    { $agent ->
        [eas] alleen Exchange ActiveSync
        [mdm] een MDM
        [easMdm] een MDM met Exchange ActiveSync
        [intuneClient] de Intune-client
        [easIntuneClient] de Intune-client met Exchange ActiveSync
        [configurationManager] Configuration Manager
        [configurationManagerMdm] Configuration Manager met een MDM
        [configurationManagerMdmEas] Configuration Manager met een MDM en Exchange ActiveSync
        [jamf] Jamf
       *[android] het apparaatbeleid van Android
    }
word-device = het toestel
word-model = de { $model }
word-mdm = de MDM
word-owner = de eigenaar
# A fact that became a sentence, and the policies that ask for it.
in-policies =
    { $count ->
        [one] { $fact } (beleid { $policies })
       *[other] { $fact } (beleid { $policies })
    }

## Facts: what a rule looked at

fact-other-organization = de organisatie { $organization } hoort niet bij { $names }
fact-switched-off = het beleid is uitgeschakeld
fact-owner-unknown = de adreslijst kent { $address } niet
fact-in-group = de eigenaar zit in { $group }
fact-in-excluded-group = de eigenaar zit in { $group }, en die groep is uitgesloten
fact-in-none-of = de eigenaar zit niet in { $groups }
fact-named = het adres { $address } wordt genoemd
fact-licence =
    { $held ->
        [yes] de eigenaar heeft de licentie
        [no] de eigenaar heeft de licentie niet
       *[unknown] uit de adreslijst blijkt niet of de eigenaar de licentie heeft
    }
fact-misses = zijn { $key } past er niet bij
fact-matches =
    { $access ->
        [allow] de regel is van toepassing: het toestel wordt toegelaten
        [quarantine] de regel is van toepassing: het toestel gaat in quarantaine
        [block] de regel is van toepassing: het toestel wordt geblokkeerd
       *[leave] de regel is van toepassing: het toestel wordt met rust gelaten
    }
fact-expression =
    { $holds ->
        [yes] aan de regel is voldaan: { $text }
        [no] aan de regel is niet voldaan: { $text }
       *[unknown] een gegeven waar de regel naar vraagt, is niet bekend: { $text }
    }
fact-has-record = het is record “{ $record }” van { $source }
fact-managed-by-eas-alone = het is record “{ $record }” van { $source }, maar alleen Exchange ActiveSync beheert het
fact-no-record = geen enkel record van de MDM heeft zijn ActiveSync-id
fact-other-users-record = het record van de MDM met zijn ActiveSync-id staat op naam van iemand anders
fact-several-records = meerdere records van de MDM hebben zijn ActiveSync-id
fact-records-unavailable = de records ontbreken of zijn te oud: { $why }
fact-class =
    { $kind ->
        [family] zijn toesteltype is “{ $name }”
       *[model] zijn model is “{ $name }”
    }
fact-class-unknown =
    { $kind ->
        [family] zijn toesteltype is niet bekend
       *[model] zijn model is niet bekend
    }
fact-left-to-exchange = toestellen die voldoen, worden overgelaten aan de eigen regels en het standaardtoegangsniveau van Exchange
fact-mdm-says =
    { $state ->
        [compliant] volgens de MDM { $source } voldoet het
        [noncompliant] volgens de MDM { $source } voldoet het niet
        [conflict] de beleidsregels van de MDM { $source } spreken elkaar tegen
        [error] de MDM { $source } kon niet vaststellen of het voldoet
        [grace] volgens de MDM { $source } voldoet het niet, en heeft het een respijtperiode zonder einde
        [other] de MDM { $source } laat het oordeel over aan Configuration Manager
       *[unknown] de MDM { $source } weet niet of het voldoet
    }
fact-mdm-grace-period =
    { $runs ->
        [yes] volgens de MDM { $source } voldoet het niet, en heeft het een respijtperiode tot { $end }
       *[no] volgens de MDM { $source } voldoet het niet, en is zijn respijtperiode op { $end } afgelopen
    }
fact-mdm-trusted = het oordeel van de MDM telt, en verder wordt er niets gevraagd
fact-listed = het platform { $platform } staat op de lijst
fact-not-listed = het platform { $platform } is niet toegestaan
fact-system-unknown = het besturingssysteem is niet bekend
fact-oldest-version =
    { $met ->
        [yes] het draait op { $platform } { $found }, en dat is { $wanted } of nieuwer
       *[no] het draait op { $platform } { $found }, maar { $wanted } of nieuwer is vereist
    }
fact-newest-version =
    { $met ->
        [yes] het draait op { $platform } { $found }, en dat is { $wanted } of ouder
       *[no] het draait op { $platform } { $found }, maar { $wanted } of ouder is vereist
    }
fact-version-ranges =
    { $met ->
        [yes] het draait op { $platform } { $found }, en dat valt binnen { $wanted }
       *[no] het draait op { $platform } { $found }, maar { $wanted } is vereist
    }
fact-version-unknown = zijn versie “{ $text }” kan niet worden vergeleken
fact-oldest-build =
    { $met ->
        [yes] zijn build is { $found }, en dat is { $wanted } of nieuwer
       *[no] zijn build is { $found }, maar { $wanted } of nieuwer is vereist
    }
fact-newest-build =
    { $met ->
        [yes] zijn build is { $found }, en dat is { $wanted } of ouder
       *[no] zijn build is { $found }, maar { $wanted } of ouder is vereist
    }
fact-build-unknown = zijn build “{ $text }” kan niet worden vergeleken
fact-patch-level =
    { $met ->
        [yes] zijn beveiligingsupdates zijn van { $found }, en dat is { $wanted } of later
       *[no] zijn beveiligingsupdates zijn van { $found }, maar { $wanted } of later is vereist
    }
fact-patch-level-unknown = van wanneer zijn beveiligingsupdates zijn, is niet bekend
fact-encrypted =
    { $so ->
        [yes] zijn opslag is versleuteld
        [no] zijn opslag is niet versleuteld
       *[unknown] of zijn opslag versleuteld is, is niet bekend
    }
fact-jail-broken =
    { $so ->
        [yes] het is gejailbreakt of geroot
        [no] het is niet gejailbreakt en niet geroot
       *[unknown] of het gejailbreakt of geroot is, is niet bekend
    }
fact-passcode =
    { $so ->
        [yes] zijn toegangscode voldoet aan de eisen van de MDM
        [no] het heeft geen toegangscode die aan de eisen van de MDM voldoet
       *[unknown] of het een goede toegangscode heeft, is niet bekend
    }
fact-threat =
    { $met ->
        [yes] zijn dreigingsniveau is { $level }, en { $worst } is het ergste dat mag
       *[no] zijn dreigingsniveau is { $level }, maar { $worst } is het ergste dat mag
    }
fact-threat-unknown =
    { $state ->
        [off] zijn bescherming tegen dreigingen staat uit
        [silent] zijn bescherming tegen dreigingen geeft geen antwoord
        [misconfigured] zijn bescherming tegen dreigingen is niet goed ingesteld
        [on] zijn bescherming tegen dreigingen heeft nog geen niveau gemeld
       *[absent] geen enkele bescherming tegen dreigingen heeft er iets over gemeld
    }
fact-owner-type =
    { $met ->
        [yes] het is { $found }, en toegestaan is { $allowed }
       *[no] het is { $found }, maar alleen { $allowed } is toegestaan
    }
fact-owner-type-unknown = van wie het is, is niet bekend, en het moet { $allowed } zijn
fact-agent =
    { $met ->
        [yes] het wordt beheerd door { $found }, en toegestaan is { $allowed }
       *[no] het wordt beheerd door { $found }, maar alleen { $allowed } is toegestaan
    }
fact-agent-unknown = waardoor het wordt beheerd, is niet bekend, en dat moet { $allowed } zijn
fact-check-in =
    { $met ->
        [yes] het heeft zich voor het laatst bij de MDM gemeld op { $last }, en dat is { $longest } goed, tot { $ends }
       *[no] het heeft zich voor het laatst bij de MDM gemeld op { $last }, en dat was { $longest } goed, tot { $ends }
    }
fact-check-in-forever = het heeft zich voor het laatst bij de MDM gemeld op { $last }
fact-check-in-in-future = zijn laatste melding bij de MDM, { $last }, ligt in de toekomst
fact-check-in-unknown = wanneer het zich voor het laatst bij de MDM heeft gemeld, is niet bekend
fact-sync =
    { $met ->
        [yes] het heeft voor het laatst e-mail gesynchroniseerd op { $last }, en dat is { $longest } goed, tot { $ends }
       *[no] het heeft voor het laatst e-mail gesynchroniseerd op { $last }, en dat was { $longest } goed, tot { $ends }
    }
fact-sync-unknown = wanneer het voor het laatst e-mail heeft gesynchroniseerd, is niet bekend
fact-grace-period =
    { $runs ->
        [yes] het voldoet niet sinds { $since }, en zijn respijtperiode duurt tot { $end }
       *[no] het voldoet niet sinds { $since }, en zijn respijtperiode is op { $end } afgelopen
    }
fact-blocked-from =
    { $reached ->
        [yes] het voldoet niet sinds { $since }, en is daarom sinds { $at } geblokkeerd
       *[no] het voldoet niet sinds { $since }, en wordt op { $at } geblokkeerd als dat zo blijft
    }
fact-devices-before =
    { $before ->
        [one] { $before } ander toestel van de mailbox gaat voor, van ten hoogste { $maximum }
       *[other] { $before } andere toestellen van de mailbox gaan voor, van ten hoogste { $maximum }
    }

## Headlines: what the decision is

headline-allow = { $kind } van { $person } ({ $id }) mag e-mail ontvangen. Het beleid { $policy } staat dat toe
headline-quarantine = { $kind } van { $person } ({ $id }) staat in quarantaine, volgens het beleid { $policy }
headline-block = { $kind } van { $person } ({ $id }) is geblokkeerd, volgens het beleid { $policy }
headline-leave = { $kind } van { $person } ({ $id }) wordt met rust gelaten, volgens het beleid { $policy }
headline-nobody = { $kind } van { $person } ({ $id }) wordt met rust gelaten: geen enkel beleid beslist erover

## Reasons: why

reason-compliant = het toestel wordt beheerd en voldoet aan alle eisen die ervoor gelden
reason-not-compliant = het toestel wordt beheerd, maar voldoet niet: { $causes }
reason-in-grace-period = het toestel wordt beheerd, maar voldoet niet: { $causes }. Er is nog tijd om dat in orde te maken
reason-compliance-unknown = het toestel wordt beheerd, maar er is te weinig over bekend om te zeggen dat het voldoet
reason-not-enrolled = het toestel is niet ingeschreven voor { $person }, voor zover uit de records blijkt
reason-not-targeted = geen enkel beleid is voor { $person } bedoeld
reason-owner-unknown = de adreslijst weet niet van wie het toestel is, en dus kan er geen beleid voor gelden
reason-not-licensed = het beleid is alleen bedoeld voor mensen met de licentie
reason-records-unavailable = op wat de MDM over het toestel zegt, kan op dit moment niet worden vertrouwd
reason-escalated = het toestel voldoet al niet sinds { $since }, en is daarom sinds { $at } geblokkeerd
reason-inactive = het toestel heeft sinds { $last } geen e-mail gesynchroniseerd, en een toestel dat { $longest } stil is, geldt als inactief
reason-too-many-devices =
    { $maximum ->
        [one] { $person } mag e-mail hebben op ten hoogste { $maximum } toestel
       *[other] { $person } mag e-mail hebben op ten hoogste { $maximum } toestellen
    }, en { $before ->
        [one] { $before } ander toestel gaat voor
       *[other] { $before } andere toestellen gaan voor
    }
reason-local-rule = de lokale regel “{ $rule }” beslist zelf over dit toestel, wat de MDM ook zegt
reason-platform-exception =
    { $kind ->
        [family] het beleid maakt een uitzondering voor toestellen van het type “{ $name }” die door geen MDM worden beheerd
       *[model] het beleid maakt een uitzondering voor toestellen van het model “{ $name }” die door geen MDM worden beheerd
    }
reason-protected = { $person } is beschermd: het beleid zou het toestel beperken, maar laat het daarom met rust

## Causes: what is wrong, in few words

cause-os-version-too-old = het besturingssysteem is te oud
cause-os-version-too-new = het besturingssysteem is te nieuw
cause-platform-not-allowed = dit soort toestel is niet toegestaan
cause-not-encrypted = de opslag is niet versleuteld
cause-jail-broken = het toestel is gejailbreakt of geroot
cause-check-in-too-old = het heeft zich te lang niet gemeld
cause-mdm-not-compliant = volgens de MDM zelf voldoet het niet
cause-os-build-too-old = de build van het systeem is te oud
cause-os-build-too-new = de build van het systeem is te nieuw
cause-os-version-not-in-range = de versie van het systeem is niet toegestaan
cause-security-patch-too-old = de beveiligingsupdates zijn te oud
cause-passcode-missing = het heeft geen goede toegangscode
cause-threat-level-too-high = er is een dreiging op gevonden
cause-owner-type-not-allowed = het is van het verkeerde soort eigenaar
cause-management-agent-not-allowed = het wordt door het verkeerde systeem beheerd
cause-rule-not-met = aan een regel van het bedrijf is niet voldaan
cause-inactive = het heeft te lang geen e-mail gesynchroniseerd

## Around the decision

as-of = dit wist { $source } op { $read }; het toestel zelf meldde zich voor het laatst op { $last }
as-of-silent = dit wist { $source } op { $read }; wanneer het toestel zich voor het laatst meldde, is niet bekend
then-access =
    { $access ->
        [allow] als er tot dan niets verandert, wordt het vanaf { $at } toegelaten
        [quarantine] als er tot dan niets verandert, gaat het vanaf { $at } in quarantaine
        [block] als er tot dan niets verandert, wordt het vanaf { $at } geblokkeerd
       *[leave] als er tot dan niets verandert, wordt het vanaf { $at } met rust gelaten
    }
then-silent =
    { $access ->
        [allow] dat blijft zo zolang het van zich laat horen. Als het stil blijft, wordt het vanaf { $at } toegelaten
        [quarantine] dat blijft zo zolang het van zich laat horen. Als het stil blijft, gaat het vanaf { $at } in quarantaine
        [block] dat blijft zo zolang het van zich laat horen. Als het stil blijft, wordt het vanaf { $at } geblokkeerd
       *[leave] dat blijft zo zolang het van zich laat horen. Als het stil blijft, wordt het vanaf { $at } met rust gelaten
    }
then-blocked = als het op { $at } nog steeds niet voldoet, wordt het geblokkeerd
then-same = als er tot dan niets verandert, wordt hier op { $at } opnieuw naar gekeken, met hetzelfde resultaat
then-unseen = als er niets verandert, blijft dat zo tot { $at }; wat daarna komt, is niet bekeken
exchange-discovers = Exchange zoekt nog uit wat voor toestel het is. Dat duurt hoogstens { $longest }, en zolang kan er niets worden gedaan
exchange-discovers-until = Exchange zoekt nog uit wat voor toestel het is. Dat duurt hoogstens { $longest }, dus tot uiterlijk { $until }, en zolang kan er niets worden gedaan
exchange-follows =
    { $state ->
        [blocked] toen dit werd besloten, stond het toestel in Exchange nog als geblokkeerd. De wijziging volgt vanzelf, en het toestel merkt het bij de volgende synchronisatie
       *[quarantined] toen dit werd besloten, stond het toestel in Exchange nog in quarantaine. De wijziging volgt vanzelf, en het toestel merkt het bij de volgende synchronisatie
    }
exchange-decides =
    { $state ->
        [blocked] het is Exchange zelf die het blokkeert, op grond van { $cause }
        [quarantined] het is Exchange zelf die het in quarantaine houdt, op grond van { $cause }
       *[allowed] het is Exchange zelf die het toelaat, op grond van { $cause }
    }
exchange-cause =
    { $reason ->
        [global] het standaardtoegangsniveau van de organisatie
        [individual] een vermelding voor alleen deze mailbox
        [rule] de apparaattoegangsregel “{ $rule }”
        [upgrade] een verhuizing van de mailbox naar een nieuwere server
        [policy] het mailboxbeleid
       *[other] een eigen reden
    }
exchange-rule-stays = een blokkade door een regel op het besturingssysteem blijft staan nadat het systeem is bijgewerkt: de regel moet weg, of het toestel moet worden toegelaten
wiped = bij de mailbox hoort ook { $kind } ({ $id }), die niets meer van zich laat horen sinds dit toestel verscheen. Een toestel dat is gewist, krijgt een nieuwe id: als het hetzelfde toestel is, moet het onder de nieuwe id opnieuw worden ingeschreven en toegelaten
only-administrators = de gebruiker kan dit op het toestel niet verhelpen; een beheerder wel
only-for-now = dat helpt alleen tot de respijtperiode eindigt: niets wat op het toestel of in de records kan worden veranderd, behoudt de e-mail daarna
owner-then = welk beleid ervoor geldt, hangt af van de groepen die de adreslijst dan noemt
nothing-local = niets op het toestel en niets in de records verandert dit: alleen wie het beleid schrijft, kan de lokale regel “{ $rule }” veranderen
nothing-exchange = niets op het toestel en niets in de records verandert dit: het beleid { $policy } laat toestellen die voldoen aan Exchange over
nothing-records = niets op het toestel verandert dit: het wacht tot de records weer kunnen worden gelezen
nothing-rule = alleen wie het beleid schrijft, kan zeggen hoe aan de regel wordt voldaan: { $text }
nothing = niets op het toestel en niets in de records verandert dit: alleen een wijziging van het beleid { $policy } doet dat
nothing-groups = er is geen groep gevonden, van die waarvoor beleid is bedoeld, die helpt: alleen wie het beleid schrijft, kan dat veranderen
nothing-nobody = geen enkel beleid is voor deze organisatie bedoeld: alleen wie het beleid schrijft, kan dat veranderen

## Cures: what would change it

cure-add-owner = zet { $address } in de adreslijst, of verbeter daar het adres
cure-join-group = zet { $person } in { $groups } (beleid { $policy })
cure-leave-group = haal { $person } uit { $group } (beleid { $policy })
cure-licence = geef { $person } de licentie
cure-licence-told = zorg dat uit de adreslijst blijkt of { $person } de licentie heeft
cure-enrol = schrijf het toestel in bij de MDM voor { $person }
cure-enrol-own = laat het record in de MDM op naam van { $person } zetten, of schrijf het toestel opnieuw in: de gebruiker in de MDM en het adres van de mailbox moeten van dezelfde persoon zijn
cure-enrol-once = verwijder in de MDM de overbodige records voor { $id }, zodat er één overblijft
cure-enrol-fully = schrijf het toestel in bij de MDM voor { $person }: alleen een Exchange-mailbox erop is niet genoeg
cure-meet = zorg dat het daarna aan het beleid voldoet: { $wants }
cure-records = zorg dat de records weer kunnen worden gelezen
cure-report = open de app van de MDM op het toestel en laat het zich melden, zodat { $source } doorgeeft wat er nog ontbreekt; wat het doorgeeft, moet in orde zijn
cure-statistics = laat exgate de toestelstatistieken van Exchange lezen (sync.statistics_age van de coordinator), want alleen die zeggen wanneer het toestel voor het laatst e-mail synchroniseerde
cure-defence =
    { $state ->
        [off] zet de beveiligingsapp op het toestel aan
        [misconfigured] laat de beveiligingsapp op het toestel goed instellen
       *[silent] open de beveiligingsapp op het toestel, zodat die zich meldt
    }
cure-check-in = open de app van de MDM op het toestel en laat het zich melden: wat ervan bekend is, is te oud
cure-then-check-in = open daarna de app van de MDM op het toestel en laat het zich melden, zodat { $source } de wijziging ziet
cure-update = werk het toestel bij naar { $wants }, als dat nog niet is gebeurd
cure-other-device = gebruik een toestel met { $wants }
cure-other-enrolled = gebruik een ander toestel, met { $wants }, en schrijf het in bij de MDM voor { $person }
cure-encrypt = zet de versleuteling van de opslag van het toestel aan
cure-restore = herstel het oorspronkelijke systeem van het toestel en schrijf het opnieuw in
cure-passcode = stel een toegangscode in die de MDM accepteert
cure-threat = verwijder de dreiging die de beveiligingsapp op het toestel laat zien
cure-owner-type = als het { $owner } is, laat dat dan in de MDM verbeteren
cure-agent = laat het toestel beheren door { $agents }
cure-mdm = breng in orde wat volgens { $source } niet voldoet
cure-sync = open de mailapp op het toestel en laat die synchroniseren
cure-remove-device = verwijder { $kind } ({ $id }), als dat toestel niet meer wordt gebruikt
cure-remove-devices =
    { $left ->
        [0] verwijder alle { $before } andere toestellen van de mailbox die voorgaan
       *[other] verwijder op { $left } na alle { $before } andere toestellen van de mailbox die voorgaan
    }
cure-instead = of in plaats daarvan: { $steps }
want-oldest-version = { $platform } { $version } of nieuwer
want-newest-version = { $platform } { $version } of ouder
want-version = { $platform } { $version }
want-version-between = { $platform } { $oldest } tot en met { $newest }
want-oldest-build = build { $build } of nieuwer
want-newest-build = build { $build } of ouder
want-build-between = build { $oldest } tot en met { $newest }
want-patch-level = beveiligingsupdates van { $day } of later
want-platform = { $platform }
want-encryption = versleutelde opslag
want-intact = geen jailbreak of roottoegang
want-passcode = een toegangscode
want-threat = ten hoogste dreigingsniveau { $worst }
want-agent = beheer door { $agents }
