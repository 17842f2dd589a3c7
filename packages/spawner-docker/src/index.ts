export { containerOf, type ContainerRecipe, type ContainerSettings } from './core/container.ts';
export { openDockerSpawner, type DockerEngine, type DockerSpawnerOptions } from './io/docker-spawner.ts';
