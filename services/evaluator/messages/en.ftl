# What explanations say, in English. The other languages have the same messages with the same values.
# A message that becomes a sentence or a line of a trace starts small and has no full stop.

## How things are written

list-all = { $first } and { $last }
list-any = { $first } or { $last }
instant = { $day }, { $time } UTC
day = { $day } { $month } { $year }
month =
    { $number ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    }
span-days =
    { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
span-hours =
    { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
span-minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
span-seconds =
    { $count ->
        [one] { $count } second
       *[other] { $count } seconds
    }
word-threat =
    { $level ->
        [none] secured
        [low] low
        [medium] medium
        [high] high
       *[compromised] compromised
    }
word-owner-type =
    { $owner ->
        [company] company-owned
       *[personal] personally owned
    }
word-agent =
    { $agent ->
        [eas] Exchange ActiveSync alone
        [mdm] an MDM
        [easMdm] an MDM with Exchange ActiveSync
        [intuneClient] the Intune client
        [easIntuneClient] the Intune client with Exchange ActiveSync
        [configurationManager] Configuration Manager
        [configurationManagerMdm] Configuration Manager with an MDM
        [configurationManagerMdmEas] Configuration Manager with an MDM and Exchange ActiveSync
        [jamf] Jamf
       *[android] Android's device policy
    }
word-device = device
word-model = { $model }
word-mdm = the MDM
word-owner = the owner
# A fact that became a sentence, and the policies that ask for it.
in-policies =
    { $count ->
        [one] { $fact } (policy { $policies })
       *[other] { $fact } (policies { $policies })
    }

## Facts: what a rule looked at

fact-other-organization = the organization { $organization } is not one of { $names }
fact-switched-off = the policy is switched off
fact-owner-unknown = the directory does not know { $address }
fact-in-group = the owner is in { $group }
fact-in-excluded-group = the owner is in { $group }, which is excluded
fact-in-none-of = the owner is in none of { $groups }
fact-named = the address { $address } is named
fact-licence =
    { $held ->
        [yes] the owner holds the licence
        [no] the owner does not hold the licence
       *[unknown] the directory does not say whether the owner holds the licence
    }
fact-misses = its { $key } does not match
fact-matches =
    { $access ->
        [allow] it matches: the device is allowed
        [quarantine] it matches: the device is held in quarantine
        [block] it matches: the device is blocked
       *[leave] it matches: the device is left as it is
    }
fact-expression =
    { $holds ->
        [yes] the rule is met: { $text }
        [no] the rule is not met: { $text }
       *[unknown] a fact that the rule asks for is not known: { $text }
    }
fact-has-record = it is record “{ $record }” of { $source }
fact-managed-by-eas-alone = it is record “{ $record }” of { $source }, but only Exchange ActiveSync manages it
fact-no-record = no record of the MDM has its ActiveSync id
fact-other-users-record = the MDM's record with its ActiveSync id is another person's
fact-several-records = several records of the MDM have its ActiveSync id
fact-records-unavailable = the records are missing or too old: { $why }
fact-class =
    { $kind ->
        [family] its device type is “{ $name }”
       *[model] its device model is “{ $name }”
    }
fact-class-unknown =
    { $kind ->
        [family] its device type is not known
       *[model] its device model is not known
    }
fact-left-to-exchange = compliant devices are left to Exchange's own rules and default access level
fact-mdm-says =
    { $state ->
        [compliant] the MDM { $source } calls it compliant
        [noncompliant] the MDM { $source } calls it not compliant
        [conflict] the policies of the MDM { $source } contradict each other
        [error] the MDM { $source } could not find out whether it is compliant
        [grace] the MDM { $source } calls it not compliant, with a grace period that has no end
        [other] the MDM { $source } leaves the verdict to Configuration Manager
       *[unknown] the MDM { $source } does not know whether it is compliant
    }
fact-mdm-grace-period =
    { $runs ->
        [yes] the MDM { $source } calls it not compliant, with a grace period until { $end }
       *[no] the MDM { $source } calls it not compliant, and its grace period ended on { $end }
    }
fact-mdm-trusted = the MDM's verdict counts, and nothing else is asked
fact-listed = the platform { $platform } is listed
fact-not-listed = the platform { $platform } is not one that is allowed
fact-system-unknown = the operating system is not known
fact-oldest-version =
    { $met ->
        [yes] it runs { $platform } { $found }, which is { $wanted } or later
       *[no] it runs { $platform } { $found }, but { $wanted } or later is required
    }
fact-newest-version =
    { $met ->
        [yes] it runs { $platform } { $found }, which is { $wanted } or earlier
       *[no] it runs { $platform } { $found }, but { $wanted } or earlier is required
    }
fact-version-ranges =
    { $met ->
        [yes] it runs { $platform } { $found }, which lies within { $wanted }
       *[no] it runs { $platform } { $found }, but { $wanted } is required
    }
fact-version-unknown = its version “{ $text }” cannot be compared
fact-oldest-build =
    { $met ->
        [yes] its build is { $found }, which is { $wanted } or later
       *[no] its build is { $found }, but { $wanted } or later is required
    }
fact-newest-build =
    { $met ->
        [yes] its build is { $found }, which is { $wanted } or earlier
       *[no] its build is { $found }, but { $wanted } or earlier is required
    }
fact-build-unknown = its build “{ $text }” cannot be compared
fact-patch-level =
    { $met ->
        [yes] its security patches are of { $found }, which is { $wanted } or later
       *[no] its security patches are of { $found }, but { $wanted } or later is required
    }
fact-patch-level-unknown = the date of its security patches is not known
fact-encrypted =
    { $so ->
        [yes] its storage is encrypted
        [no] its storage is not encrypted
       *[unknown] whether its storage is encrypted is not known
    }
fact-jail-broken =
    { $so ->
        [yes] it is jailbroken or rooted
        [no] it is neither jailbroken nor rooted
       *[unknown] whether it is jailbroken or rooted is not known
    }
fact-passcode =
    { $so ->
        [yes] its passcode meets the MDM's demands
        [no] it has no passcode that meets the MDM's demands
       *[unknown] whether it has a good passcode is not known
    }
fact-threat =
    { $met ->
        [yes] its threat level is { $level }, and { $worst } is the worst allowed
       *[no] its threat level is { $level }, but { $worst } is the worst allowed
    }
fact-threat-unknown =
    { $state ->
        [off] its threat defence is switched off
        [silent] its threat defence does not answer
        [misconfigured] its threat defence is not set up well
        [on] its threat defence has not reported a level yet
       *[absent] no threat defence has reported about it
    }
fact-owner-type =
    { $met ->
        [yes] it is { $found }, and allowed is { $allowed }
       *[no] it is { $found }, but only { $allowed } is allowed
    }
fact-owner-type-unknown = whose it is is not known, and it has to be { $allowed }
fact-agent =
    { $met ->
        [yes] it is managed by { $found }, and allowed is { $allowed }
       *[no] it is managed by { $found }, but only { $allowed } is allowed
    }
fact-agent-unknown = what manages it is not known, and it has to be { $allowed }
fact-check-in =
    { $met ->
        [yes] it last checked in with the MDM on { $last }, and that is good for { $longest }, until { $ends }
       *[no] it last checked in with the MDM on { $last }, and that was good for { $longest }, until { $ends }
    }
fact-check-in-forever = it last checked in with the MDM on { $last }
fact-check-in-in-future = its last check-in with the MDM, { $last }, lies in the future
fact-check-in-unknown = when it last checked in with the MDM is not known
fact-sync =
    { $met ->
        [yes] it last synchronised mail on { $last }, and that is good for { $longest }, until { $ends }
       *[no] it last synchronised mail on { $last }, and that was good for { $longest }, until { $ends }
    }
fact-sync-unknown = when it last synchronised mail is not known
fact-grace-period =
    { $runs ->
        [yes] it has not been compliant since { $since }, and its grace period lasts until { $end }
       *[no] it has not been compliant since { $since }, and its grace period ended on { $end }
    }
fact-blocked-from =
    { $reached ->
        [yes] it has not been compliant since { $since }, and has therefore been blocked since { $at }
       *[no] it has not been compliant since { $since }, and will be blocked on { $at } if that stays so
    }
fact-devices-before =
    { $before ->
        [one] { $before } other device of the mailbox comes first, of at most { $maximum }
       *[other] { $before } other devices of the mailbox come first, of at most { $maximum }
    }

## Headlines: what the decision is

headline-allow = { $person }'s { $kind } ({ $id }) may have mail. The policy { $policy } allows it
headline-quarantine = { $person }'s { $kind } ({ $id }) is held in quarantine by the policy { $policy }
headline-block = { $person }'s { $kind } ({ $id }) is blocked by the policy { $policy }
headline-leave = { $person }'s { $kind } ({ $id }) is left as it is by the policy { $policy }
headline-nobody = { $person }'s { $kind } ({ $id }) is left as it is: no policy decides about it

## Reasons: why

reason-compliant = it is managed and meets every compliance policy that applies
reason-not-compliant = it is managed, but not compliant: { $causes }
reason-in-grace-period = it is managed, but not compliant: { $causes }. It has time to put that right
reason-compliance-unknown = it is managed, but too little is known about it to call it compliant
reason-not-enrolled = it is not enrolled for { $person }, as far as the records say
reason-not-targeted = no policy is meant for { $person }
reason-owner-unknown = the directory does not know who owns it, and so no policy can be meant for it
reason-not-licensed = the policy is only meant for people with the licence
reason-records-unavailable = what the MDM says about it cannot be relied on at the moment
reason-escalated = it has not been compliant since { $since }, which is why it has been blocked since { $at }
reason-inactive = it has not synchronised mail since { $last }, and a device that is silent for { $longest } counts as inactive
reason-too-many-devices =
    { $maximum ->
        [one] { $person } may have at most { $maximum } device with mail
       *[other] { $person } may have at most { $maximum } devices with mail
    }, and { $before ->
        [one] { $before } other device comes first
       *[other] { $before } other devices come first
    }
reason-local-rule = the local rule “{ $rule }” decides about this device by itself, whatever the MDM says
reason-platform-exception =
    { $kind ->
        [family] the policy makes an exception for devices of the type “{ $name }” that no MDM manages
       *[model] the policy makes an exception for devices of the model “{ $name }” that no MDM manages
    }
reason-protected = { $person } is protected: the policy would restrict the device, and leaves it alone for that reason

## Causes: what is wrong, in few words

cause-os-version-too-old = the operating system is too old
cause-os-version-too-new = the operating system is too new
cause-platform-not-allowed = the kind of device is not allowed
cause-not-encrypted = the storage is not encrypted
cause-jail-broken = the device is jailbroken or rooted
cause-check-in-too-old = it has not checked in for too long
cause-mdm-not-compliant = the MDM itself calls it not compliant
cause-os-build-too-old = the build of the system is too old
cause-os-build-too-new = the build of the system is too new
cause-os-version-not-in-range = the version of the system is not one that is allowed
cause-security-patch-too-old = the security patches are too old
cause-passcode-missing = it has no good passcode
cause-threat-level-too-high = a threat was found on it
cause-owner-type-not-allowed = it belongs to the wrong kind of owner
cause-management-agent-not-allowed = it is managed by the wrong system
cause-rule-not-met = a rule of the company is not met
cause-inactive = it has not synchronised mail for too long

## Around the decision

as-of = this is what { $source } knew on { $read }; the device itself last reported on { $last }
as-of-silent = this is what { $source } knew on { $read }; when the device last reported is not known
then-access =
    { $access ->
        [allow] if nothing changes before then, it is allowed from { $at }
        [quarantine] if nothing changes before then, it is held in quarantine from { $at }
        [block] if nothing changes before then, it is blocked from { $at }
       *[leave] if nothing changes before then, it is left as it is from { $at }
    }
then-silent =
    { $access ->
        [allow] that stays so as long as it keeps in touch. If it stays silent, it is allowed from { $at }
        [quarantine] that stays so as long as it keeps in touch. If it stays silent, it is held in quarantine from { $at }
        [block] that stays so as long as it keeps in touch. If it stays silent, it is blocked from { $at }
       *[leave] that stays so as long as it keeps in touch. If it stays silent, it is left as it is from { $at }
    }
then-blocked = if it is still not compliant on { $at }, it is blocked
then-same = if nothing changes before then, this is looked at again on { $at }, with the same result
then-unseen = if nothing changes, that stays so until { $at }; what comes after that was not looked at
exchange-discovers = Exchange is still finding out what kind of device it is. That takes up to { $longest }, and nothing can be done until then
exchange-discovers-until = Exchange is still finding out what kind of device it is. That takes up to { $longest }, until { $until } at the latest, and nothing can be done until then
exchange-follows =
    { $state ->
        [blocked] when this was decided, Exchange still showed the device as blocked. The change follows by itself, and the device notices at its next synchronisation
       *[quarantined] when this was decided, Exchange still showed the device as quarantined. The change follows by itself, and the device notices at its next synchronisation
    }
exchange-decides =
    { $state ->
        [blocked] it is Exchange itself that blocks it, by { $cause }
        [quarantined] it is Exchange itself that holds it in quarantine, by { $cause }
       *[allowed] it is Exchange itself that lets it in, by { $cause }
    }
exchange-cause =
    { $reason ->
        [global] the organization's default access level
        [individual] an entry for this mailbox alone
        [rule] the device access rule “{ $rule }”
        [upgrade] a move of the mailbox to a newer server
        [policy] the mailbox policy
       *[other] a reason of its own
    }
exchange-rule-stays = a block by a rule on the operating system stays after the system is updated: the rule has to go, or the device has to be allowed
wiped = the mailbox also has the { $kind } { $id }, which has been silent since this device appeared. A device that was wiped gets a new id: if it is the same one, it has to be enrolled and allowed again under the new id
only-administrators = the user cannot put this right on the device; an administrator can
only-for-now = that helps only until its grace period ends: nothing that can be changed on the device or in the records keeps the mail after that
owner-then = which policy is meant for it depends on the groups that the directory then tells
nothing-local = nothing on the device and nothing in the records changes this: only the people who write the policies can change the local rule “{ $rule }”
nothing-exchange = nothing on the device and nothing in the records changes this: the policy { $policy } leaves compliant devices to Exchange
nothing-records = nothing on the device changes this: it waits until the records can be read again
nothing-rule = only the people who write the policies can say how the rule is met: { $text }
nothing = nothing on the device and nothing in the records changes this: only a change of the policy { $policy } does
nothing-groups = no group that a policy is meant for was found to help: only the people who write the policies can change that
nothing-nobody = no policy is meant for this organization: only the people who write the policies can change that

## Cures: what would change it

cure-add-owner = add { $address } to the directory, or correct the address there
cure-join-group = put { $person } into { $groups } (policy { $policy })
cure-leave-group = take { $person } out of { $group } (policy { $policy })
cure-licence = give { $person } the licence
cure-licence-told = let the directory say whether { $person } holds the licence
cure-enrol = enrol the device in the MDM for { $person }
cure-enrol-own = have the record in the MDM put on { $person }'s name, or enrol the device again: the MDM's user and the mailbox's address have to belong to one person
cure-enrol-once = remove the records in the MDM that are too many for { $id }, so that one is left
cure-enrol-fully = enrol the device in the MDM for { $person }: an Exchange mailbox on it is not enough
cure-meet = see that it then meets the policy: { $wants }
cure-records = make the records readable again
cure-report = open the MDM's app on the device and let it check in, so that { $source } reports what is missing; what it reports has to be in order
cure-statistics = let exgate read the device statistics of Exchange (sync.statistics_age of the coordinator), which say when the device last synchronised mail: only they do
cure-defence =
    { $state ->
        [off] switch on the threat defence app on the device
        [misconfigured] have the threat defence app on the device set up well
       *[silent] open the threat defence app on the device, so that it reports
    }
cure-check-in = open the MDM's app on the device and let it check in: what is known about it is too old
cure-then-check-in = then open the MDM's app on the device and let it check in, so that { $source } sees the change
cure-update = update the device to { $wants }, unless that was done already
cure-other-device = use a device with { $wants }
cure-other-enrolled = use another device, with { $wants }, and enrol it in the MDM for { $person }
cure-encrypt = switch on the encryption of the device's storage
cure-restore = restore the device's original system and enrol it again
cure-passcode = set a passcode that the MDM accepts
cure-threat = remove the threat that the threat defence app on the device shows
cure-owner-type = if it is { $owner }, have that corrected in the MDM
cure-agent = have the device managed by { $agents }
cure-mdm = put right what { $source } shows as not compliant
cure-sync = open the mail app on the device and let it synchronise
cure-remove-device = remove the { $kind } { $id }, if it is no longer used
cure-remove-devices =
    { $left ->
        [0] remove all { $before } other devices of the mailbox that come first
       *[other] remove all but { $left } of the { $before } other devices of the mailbox that come first
    }
cure-instead = or instead: { $steps }
want-oldest-version = { $platform } { $version } or later
want-newest-version = { $platform } { $version } or earlier
want-version = { $platform } { $version }
want-version-between = { $platform } { $oldest } to { $newest }
want-oldest-build = build { $build } or later
want-newest-build = build { $build } or earlier
want-build-between = build { $oldest } to { $newest }
want-patch-level = security patches of { $day } or later
want-platform = { $platform }
want-encryption = encrypted storage
want-intact = no jailbreak or root access
want-passcode = a passcode
want-threat = a threat level of { $worst } at worst
want-agent = management by { $agents }
