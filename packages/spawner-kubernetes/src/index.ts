export { jobOf, type JobManifest, type JobRecipe, type JobSettings, type NodeLabel } from './core/job.ts';
export { type KubernetesCluster } from './io/cluster.ts';
export { openKubernetesSpawner, type KubernetesSpawnerOptions } from './io/kubernetes-spawner.ts';
