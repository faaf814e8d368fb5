# Gives exgate's account what it needs on Exchange, and nothing more.
#
# Run it once in the Exchange Management Shell, as a member of Organization Management:
#   .\exchange-role.ps1 -Account CONTOSO\svc-exgate -ExchangeVersion 2019
# -ReadOnly leaves out everything that changes something: enough for observe mode.
# -WhatIf shows what it would do. Run it again after an upgrade: it first removes the roles it made.
#
# The account needs a mailbox, or has to be added to the role group's security group in the directory
# by hand. A session that is open keeps its old rights: restart the agent afterwards.
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)][string]$Account,
    [Parameter(Mandatory = $true)][ValidateSet('2010', '2013', '2016', '2019', 'SE')]
    [string]$ExchangeVersion,
    [switch]$ReadOnly
)
$ErrorActionPreference = 'Stop'

# The newer names exist since 2013; -EnabledCmdlets of New-ManagementRole since 2016.
$hasNewNames = $ExchangeVersion -ne '2010'
$canEnable = @('2016', '2019', 'SE') -contains $ExchangeVersion
$families = @('ActiveSyncDevice')
$policies = @('ActiveSyncMailboxPolicy')
if ($hasNewNames) {
    $families += 'MobileDevice'
    $policies += 'MobileDeviceMailboxPolicy'
}

$recipients = @('Get-CASMailbox', 'Get-Recipient', 'Set-ADServerSettings')
$recipients += $families | ForEach-Object { "Get-$_"; "Get-${_}Statistics" }
$policy = @($policies | ForEach-Object { "Get-$_" })
$access = @('Get-ActiveSyncOrganizationSettings', 'Get-ActiveSyncDeviceAccessRule', 'Get-ActiveSyncDeviceClass')
$view = @('Get-ExchangeServer')
if (-not $ReadOnly) {
    $recipients += 'Set-CASMailbox'
    $recipients += $families | ForEach-Object { "Clear-$_"; "Remove-$_" }
    $policy += $policies | ForEach-Object { "New-$_"; "Set-$_"; "Remove-$_" }
    $access += 'Set-ActiveSyncOrganizationSettings'
    $access += 'New', 'Set', 'Remove' | ForEach-Object { "$_-ActiveSyncDeviceAccessRule" }
}
$roles = @(
    @{ Name = 'exgate Recipients'; Parent = 'Mail Recipients'; Keep = $recipients },
    @{ Name = 'exgate Policies'; Parent = 'Recipient Policies'; Keep = $policy },
    @{ Name = 'exgate Access'; Parent = 'Organization Client Access'; Keep = $access },
    @{ Name = 'exgate View'; Parent = 'View-Only Configuration'; Keep = $view }
)
$group = 'exgate Agents'

if (Get-RoleGroup $group -ErrorAction SilentlyContinue) {
    Remove-RoleGroup $group -Confirm:$false
}
foreach ($role in $roles) {
    $name = $role.Name
    if (Get-ManagementRole $name -ErrorAction SilentlyContinue) {
        Remove-ManagementRole $name -Recurse -Confirm:$false
    }
    # A child role can hold only what its parent holds. Where a cmdlet is missing afterwards,
    #   Get-ManagementRoleEntry "*\<cmdlet>"
    # shows which built-in role has it in this version.
    if ($canEnable) {
        New-ManagementRole -Name $name -Parent $role.Parent -EnabledCmdlets $role.Keep | Out-Null
    } else {
        New-ManagementRole -Name $name -Parent $role.Parent | Out-Null
        Get-ManagementRoleEntry "$name\*" | Where-Object { $role.Keep -notcontains $_.Name } |
            ForEach-Object { Remove-ManagementRoleEntry "$name\$($_.Name)" -Confirm:$false }
    }
}
if (-not $ReadOnly) {
    # Of Set-CASMailbox only what is sent: the two personal lists, the switch and the policy.
    $sent = 'Identity', 'ActiveSyncAllowedDeviceIDs', 'ActiveSyncBlockedDeviceIDs', 'ActiveSyncEnabled',
        'ActiveSyncMailboxPolicy', 'DomainController', 'Confirm', 'WhatIf'
    Set-ManagementRoleEntry 'exgate Recipients\Set-CASMailbox' -Parameters $sent
}
New-RoleGroup -Name $group -Roles @($roles | ForEach-Object { $_.Name }) -Members $Account | Out-Null
Get-ManagementRoleEntry 'exgate *\*' | Sort-Object Name | Select-Object Role, Name
