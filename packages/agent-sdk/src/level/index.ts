export { levelTaskStore } from './level-task-store.ts';
export type { LevelTaskStoreOptions } from './level-task-store.ts';
export { levelTaskRoutes } from './level-task-routes.ts';
export type { LevelTaskRoutes, LevelTaskRoutesOptions } from './level-task-routes.ts';
