//! Whose word a row is taken from: pages that anybody can read, and what we chose where there is none.

/// The page on the policy for Exchange on-premises.
pub(super) const EXCHANGE_ACCESS: &str = "learn.microsoft.com/mem/intune/protect/conditional-access-exchange-create: members of included \
     groups need an enrolled and compliant device, members of excluded groups are exempt";
/// The same page on devices that are not managed.
pub(super) const UNMANAGED_ACCESS: &str = "learn.microsoft.com/mem/intune/protect/conditional-access-exchange-create: unmanaged device \
     access is allow, block or quarantine until the device is enrolled and compliant";
/// The same page on platform exceptions.
pub(super) const EXCEPTIONS: &str = "learn.microsoft.com/mem/intune/protect/conditional-access-exchange-create: enrolled and \
     compliant devices are allowed even where a platform exception blocks";
/// What an exception is.
pub(super) const DEVICE_CLASS: &str = "learn.microsoft.com/graph/api/resources/intune-onboarding-devicemanagementexchangedeviceclass: \
     an exception is for a family or a model, by name";
/// How Exchange weighs its own rules.
pub(super) const STRICTEST: &str = "learn.microsoft.com/previous-versions/office/exchange-server-2010/ff959225: a rule that blocks is looked for before one that \
     quarantines, and that before one that allows";
/// Graph on the conditional access of on-premises Exchange.
pub(super) const ON_PREMISES: &str = "learn.microsoft.com/graph/api/resources/intune-onboarding-onpremisesconditionalaccesssettings: \
     enabled, includedGroups, excludedGroups, overrideDefaultRule";
/// Graph on what manages a device.
pub(super) const AGENT: &str = "learn.microsoft.com/graph/api/resources/intune-devices-managementagenttype: `eas` is managed by \
     the Exchange server, the others by something else beside it";
/// Graph on whose a device is.
pub(super) const OWNER_TYPE: &str = "learn.microsoft.com/graph/api/resources/intune-devices-manageddeviceownertype: company, \
     personal, or not known";
/// Graph on the MDM's verdict.
pub(super) const STATE: &str = "learn.microsoft.com/graph/api/resources/intune-devices-compliancestate: unknown, compliant, \
     noncompliant, conflict, error, inGracePeriod, configManager";
/// Graph on the MDM's grace period.
pub(super) const STATE_GRACE: &str = "learn.microsoft.com/graph/api/resources/intune-devices-compliancestate: inGracePeriod is not \
     compliant and still has access, until complianceGracePeriodExpirationDateTime";
/// Graph on what partners report.
pub(super) const THREAT: &str = "learn.microsoft.com/graph/api/resources/intune-devices-manageddevicepartnerreportedhealthstate: \
     activated, deactivated, unresponsive and misconfigured leave the health unknown";
/// The settings of iOS on threats.
pub(super) const THREAT_LEVEL: &str = "learn.microsoft.com/mem/intune/protect/compliance-policy-create-ios: secured, low, medium, high \
     accept threats up to that level, anything higher is not compliant";
/// The settings of iOS on versions.
pub(super) const VERSION: &str = "learn.microsoft.com/mem/intune/protect/compliance-policy-create-ios: older than the minimum, \
     or later than the maximum, is not compliant";
/// The settings of iOS on builds.
pub(super) const BUILD: &str = "learn.microsoft.com/mem/intune/protect/compliance-policy-create-ios: security updates change \
     the build, not the version, so that builds have a minimum and a maximum of their own";
/// The settings of Windows on builds.
pub(super) const RANGES: &str = "learn.microsoft.com/mem/intune/protect/compliance-policy-create-windows: valid operating system \
     builds are ranges from a minimum to a maximum, and a device has to lie in one";
/// The settings of Android on patches.
pub(super) const PATCH: &str = "learn.microsoft.com/mem/intune/protect/compliance-policy-create-android-for-work: the oldest \
     security patch level, as YYYY-MM-DD; an older one is not compliant";
/// The settings of iOS and Android on their state.
pub(super) const HEALTH: &str = "learn.microsoft.com/mem/intune/protect/compliance-policy-create-ios: jailbroken devices are \
     marked as not compliant, a password can be required, encryption likewise elsewhere";
/// How long a report counts.
pub(super) const VALIDITY: &str = "learn.microsoft.com/mem/intune/protect/device-compliance-get-started: a device that does not \
     report within the validity period is not compliant";
/// Without a policy.
pub(super) const NO_POLICY: &str = "learn.microsoft.com/mem/intune/protect/device-compliance-get-started: devices without a policy \
     are what the MDM marks them as";
/// What follows not being compliant, and when.
pub(super) const ACTIONS: &str = "learn.microsoft.com/mem/intune/protect/actions-for-noncompliance: each action has a schedule of \
     days after noncompliance, zero unless said otherwise; several may follow each other";
/// Several policies.
pub(super) const WORST: &str = "learn.microsoft.com/mem/intune/protect/compliance-policy-monitor: of several policies the \
     highest severity counts: compliant, in grace period, not compliant";
/// Rules by characteristics.
pub(super) const CHARACTERISTICS: &str = "learn.microsoft.com/powershell/module/exchange/new-activesyncdeviceaccessrule: DeviceType, \
     DeviceModel, DeviceOS and UserAgent are what Exchange itself tells devices apart by";

/// What nobody knows.
pub(super) const CAREFUL: &str =
    "ours: a fact that a rule asks for and nobody knows makes a device unknown, never compliant";
/// Local rules.
pub(super) const FIRST_MATCH: &str = "ours: rules of one's own are read from the top, as in a firewall; the first that matches decides";
/// What local rules do not know.
pub(super) const MATCHES_NOTHING: &str =
    "ours: a fact that is not known matches nothing, so that no rule decides about it by chance";
/// Old records.
pub(super) const FAIL_STATIC: &str =
    "ours: where records are missing or too old the last state holds, and old news lets nobody in";
/// Versions.
pub(super) const NUMBERS: &str =
    "ours: versions are compared number by number, as the makers of the systems count them";
/// Instants.
pub(super) const EXACT: &str =
    "ours: a span that has passed to the nanosecond has passed; the instant is told beforehand";
/// Limits.
pub(super) const LIMITS: &str = "ours, as MDMs with a limit of devices do: the order is fixed, so that each device gets the same \
     answer whichever is asked about first";
/// Devices that nobody uses.
pub(super) const IDLE: &str = "ours, as MDMs with inactivity rules do: what has not synchronised for long is held, what nobody \
     knows is not counted";
/// Protected people.
pub(super) const PROTECTED: &str =
    "ours: automation never restricts those on the list, whatever the policies say";
/// Overlays.
pub(super) const OVERLAY: &str =
    "ours: one policy for all, and what is different in some organizations beside it";
