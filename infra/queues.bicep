// The queues and who may use each. Trust follows the queue: whoever may send to one is believed in what its events say.
param name string
param location string
param tags object
param isPrivate bool

@description('Object ids by who they are; the keys are those of `grants`')
param principals object

// Sessions, duplicate detection and partitioning cannot be changed later. The window is the one that our message ids
// count with: a longer one would swallow what is sent again on purpose. Locks are renewed by the host (host.json); a
// short one frees a person soon after an instance died. Without a time to live nothing is lost unseen.
var lockDuration = 'PT1M'
var window = 'PT10M'
var deliveries = 10
var queues = [
  { name: 'hr', sessions: false }
  { name: 'projects', sessions: false }
  { name: 'decisions', sessions: false }
  { name: 'work', sessions: true }
  { name: 'sweeps', sessions: false }
  { name: 'notices', sessions: false }
  { name: 'quarantine', sessions: false }
]

// Receiver is also what it takes to look at a queue and its dead letters; there is no narrower role.
var grants = [
  { who: 'app', queue: 'hr', roles: ['receiver', 'sender'] }
  { who: 'app', queue: 'projects', roles: ['receiver', 'sender'] }
  { who: 'app', queue: 'decisions', roles: ['receiver', 'sender'] }
  { who: 'app', queue: 'work', roles: ['receiver', 'sender'] }
  { who: 'app', queue: 'sweeps', roles: ['receiver', 'sender'] }
  { who: 'app', queue: 'notices', roles: ['sender'] }
  { who: 'app', queue: 'quarantine', roles: ['receiver', 'sender'] }
  { who: 'hrSenders', queue: 'hr', roles: ['sender'] }
  { who: 'feedRunners', queue: 'hr', roles: ['sender'] }
  { who: 'projectSenders', queue: 'projects', roles: ['sender'] }
  { who: 'decisionSenders', queue: 'decisions', roles: ['sender'] }
  { who: 'noticeListeners', queue: 'notices', roles: ['receiver'] }
  { who: 'operators', queue: 'hr', roles: ['receiver'] }
  { who: 'operators', queue: 'projects', roles: ['receiver'] }
  { who: 'operators', queue: 'decisions', roles: ['receiver'] }
  { who: 'operators', queue: 'work', roles: ['receiver', 'sender'] }
  { who: 'operators', queue: 'sweeps', roles: ['receiver', 'sender'] }
  { who: 'operators', queue: 'quarantine', roles: ['receiver'] }
]

var roleIds = {
  receiver: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0' // Azure Service Bus Data Receiver
  sender: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39' // Azure Service Bus Data Sender
}
var queueNames = map(queues, one => one.name)
// Who is named twice is granted once: the same assignment twice is refused. `union` keeps the first of equal ones.
var assignments = union([], flatten(map(grants, one => flatten(map(one.roles, role => map(principals[one.who], id => { queue: one.queue, role: role, id: id }))))))

resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: isPrivate ? { name: 'Premium', tier: 'Premium', capacity: 1 } : { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [for one in queues: {
  parent: bus
  name: one.name
  properties: {
    requiresSession: one.sessions
    requiresDuplicateDetection: true
    duplicateDetectionHistoryTimeWindow: window
    lockDuration: lockDuration
    maxDeliveryCount: deliveries
    deadLetteringOnMessageExpiration: true
    enablePartitioning: false
    maxSizeInMegabytes: 5120
  }
}]

resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in assignments: {
  name: guid(bus.id, one.queue, one.id, one.role)
  scope: queue[indexOf(queueNames, one.queue)]
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[one.role])
    principalId: one.id
    principalType: contains(principals.app, one.id) ? 'ServicePrincipal' : null // new, so not everywhere known yet
  }
}]

output id string = bus.id
output host string = '${bus.name}.servicebus.windows.net'
