export { MemoryStore } from './io/store/memory-store.ts';
