// Who is told, and of what. The measures are those of lifecycle/measures.py; what each means is in docs/telemetry.md.
param name string
param location string
param tags object
param email string
param namespaceId string
param workspaceId string

@allowed(['PT15M', 'PT30M', 'PT45M', 'PT1H'])
@description('How long the wake timer, which runs every five minutes, may be silent')
param silence string = 'PT15M'

@description('Share of the tenant\'s assignment requests of a quarter, in percent')
param budgetShare int = 80

@description('Answers 429 of Graph in a quarter of an hour that are too many')
param throttled int = 50

// Azure's own metrics of the queues. `value` is what may not be exceeded.
var ofQueues = [
  { name: 'dead-letters', says: 'A queue has dead letters: lifecycle quarantine list', severity: 1, metric: 'DeadletteredMessages', queue: '*', by: 'Maximum', value: 0 }
  { name: 'quarantine', says: 'Messages are set aside: lifecycle quarantine list', severity: 1, metric: 'ActiveMessages', queue: 'quarantine', by: 'Maximum', value: 0 }
  { name: 'queue-full', says: 'A queue is four fifths full; does anybody take the notices?', severity: 2, metric: 'Size', queue: '*', by: 'Maximum', value: 4294967296 }
  { name: 'bus-throttled', says: 'Service Bus slows its callers down', severity: 2, metric: 'ThrottledRequests', queue: '', by: 'Total', value: 100 }
]

// What of a query's rows is compared. Rows are counted, and none is 0; a counter's are added up, each being what one
// instance counted since its last one. A gauge stands in Sum as well: our exporter sends neither its least nor its most.
var rows = { timeAggregation: 'Count' }
var sums = { timeAggregation: 'Total', metricMeasureColumn: 'Sum' }
var ratio = { timeAggregation: 'Maximum', metricMeasureColumn: 'value' }

var ofMeasures = [
  { name: 'leaver-late', says: 'A leaver still has access after the deadline: lifecycle delays', severity: 0, every: 'PT5M', window: 'PT15M', measure: sums, operator: 'GreaterThan', threshold: 0, query: 'AppMetrics | where Name == "lifecycle.notices" and tostring(Properties["type"]) == "leaver.late"' }
  { name: 'held', says: 'The guard withheld a plan: lifecycle held', severity: 1, every: 'PT5M', window: 'PT15M', measure: sums, operator: 'GreaterThan', threshold: 0, query: 'AppMetrics | where Name == "lifecycle.holds" and tostring(Properties["outcome"]) == "held"' }
  { name: 'no-wake', says: 'The wake timer has not finished: nobody who is due is looked at', severity: 0, every: 'PT5M', window: silence, measure: rows, operator: 'LessThan', threshold: 1, query: 'AppMetrics | where Name == "lifecycle.timer.duration" and tostring(Properties["timer"]) == "wake" and tostring(Properties["outcome"]) == "done"' }
  { name: 'no-drift', says: 'The nightly timer has not begun its sweep for two days', severity: 1, every: 'PT1H', window: 'P2D', measure: rows, operator: 'LessThan', threshold: 1, query: 'AppMetrics | where Name == "lifecycle.timer.duration" and tostring(Properties["timer"]) == "drift" and tostring(Properties["outcome"]) == "done"' }
  { name: 'no-sweep', says: 'No sweep has compared a package to its end for two days: lifecycle check', severity: 1, every: 'PT1H', window: 'P2D', measure: rows, operator: 'LessThan', threshold: 1, query: 'AppMetrics | where Name == "lifecycle.drift.compared"' }
  { name: 'no-seal', says: 'The ledger has not been sealed for two days', severity: 1, every: 'PT1H', window: 'P2D', measure: rows, operator: 'LessThan', threshold: 1, query: 'AppMetrics | where Name == "lifecycle.timer.duration" and tostring(Properties["timer"]) == "seal" and tostring(Properties["outcome"]) == "done"' }
  { name: 'budget', says: 'Requests of the quarter run out: lifecycle budget', severity: 1, every: 'PT1H', window: 'P2D', measure: ratio, operator: 'GreaterThanOrEqual', threshold: budgetShare, query: 'AppMetrics | where Name in ("lifecycle.budget.used", "lifecycle.budget.left") | summarize used = maxif(Sum, Name == "lifecycle.budget.used"), remaining = minif(Sum, Name == "lifecycle.budget.left"), TimeGenerated = max(TimeGenerated) | extend value = 100.0 * used / (used + remaining)' }
  { name: 'graph-throttled', says: 'Graph slows us down; see LIFECYCLE_WRITES_PER_SECOND', severity: 2, every: 'PT15M', window: 'PT15M', measure: sums, operator: 'GreaterThan', threshold: throttled, query: 'AppMetrics | where Name == "lifecycle.graph.throttled"' }
  { name: 'defects', says: 'Checks end in defects: the program is wrong, or something under it', severity: 1, every: 'PT5M', window: 'PT15M', measure: sums, operator: 'GreaterThan', threshold: 0, query: 'AppMetrics | where Name == "lifecycle.checks" and tostring(Properties["outcome"]) == "defect"' }
  { name: 'refused', says: 'Graph refuses requests: lifecycle check', severity: 2, every: 'PT15M', window: 'PT15M', measure: sums, operator: 'GreaterThan', threshold: 0, query: 'AppMetrics | where Name == "lifecycle.requests" and tostring(Properties["outcome"]) == "refused"' }
  { name: 'undelivered', says: 'Graph did not deliver what it took', severity: 2, every: 'PT15M', window: 'PT15M', measure: sums, operator: 'GreaterThan', threshold: 0, query: 'AppMetrics | where Name == "lifecycle.requests.ended" and tostring(Properties["outcome"]) == "failed"' }
  { name: 'timer-failed', says: 'A timer ended with an error', severity: 1, every: 'PT15M', window: 'PT15M', measure: rows, operator: 'GreaterThan', threshold: 0, query: 'AppMetrics | where Name == "lifecycle.timer.duration" and tostring(Properties["outcome"]) != "done"' }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-lifecycle-${name}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'lifecycle'
    emailReceivers: [
      { name: 'operators', emailAddress: email, useCommonAlertSchema: true }
    ]
  }
}

resource ofQueue 'Microsoft.Insights/metricAlerts@2018-03-01' = [for one in ofQueues: {
  name: 'lifecycle-${one.name}-${name}'
  location: 'global'
  tags: tags
  properties: {
    description: one.says
    severity: one.severity
    enabled: true
    scopes: [namespaceId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: one.name
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: one.metric
          dimensions: empty(one.queue) ? [] : [{ name: 'EntityName', operator: 'Include', values: [one.queue] }]
          operator: 'GreaterThan'
          threshold: one.value
          timeAggregation: one.by
        }
      ]
    }
    actions: [
      { actionGroupId: people.id }
    ]
  }
}]

resource ofMeasure 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for one in ofMeasures: {
  name: 'lifecycle-${one.name}-${name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Lifecycle: ${one.name}'
    description: one.says
    severity: one.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: one.every
    windowSize: one.window
    autoMitigate: true
    skipQueryValidation: true // AppMetrics is there once the first measure has come
    criteria: {
      allOf: [
        union(one.measure, {
          query: one.query
          operator: one.operator
          threshold: one.threshold
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        })
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}]
