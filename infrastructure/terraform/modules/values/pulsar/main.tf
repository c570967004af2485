# Values of the chart apache/pulsar: brokers that keep what evoke's log promises.
locals {
  many = var.replicas > 1
  values = {
    components = { functions = false, autorecovery = local.many, proxy = true, toolset = false, pulsar_manager = false }
    affinity   = { anti_affinity = local.many, type = "preferredDuringSchedulingIgnoredDuringExecution" }
    zookeeper = {
      replicaCount = local.many ? 3 : 1
      podMonitor   = { enabled = var.monitoring }
      volumes      = { data = { size = "10Gi", storageClassName = var.storage_class } }
    }
    bookkeeper = {
      replicaCount = var.replicas
      podMonitor   = { enabled = var.monitoring }
      volumes = {
        journal = { size = "20Gi", storageClassName = var.storage_class }
        ledgers = { size = var.ledger_size, storageClassName = var.storage_class }
      }
      # An append that was acknowledged is on disks, not in their caches.
      configData = { journalSyncData = "true" }
    }
    broker = {
      replicaCount = var.replicas
      podMonitor   = { enabled = var.monitoring }
      configData = merge({
        managedLedgerDefaultEnsembleSize = tostring(min(3, var.replicas))
        managedLedgerDefaultWriteQuorum  = tostring(min(3, var.replicas))
        managedLedgerDefaultAckQuorum    = tostring(min(2, var.replicas))
        # A worker that hangs is known by two missed answers: its requests move on within 10 s.
        keepAliveIntervalSeconds = "5"
        # A topic that nobody reads at the moment is still the log.
        brokerDeleteInactiveTopicsEnabled = "false"
      }, var.broker_settings)
    }
    proxy                        = { replicaCount = min(2, var.replicas), podMonitor = { enabled = var.monitoring }, service = { type = "ClusterIP" } }
    victoria-metrics-k8s-stack   = { enabled = false }
    defaultPulsarImageTag        = var.image_tag
    defaultPulsarImageRepository = "apachepulsar/pulsar"
  }
}
