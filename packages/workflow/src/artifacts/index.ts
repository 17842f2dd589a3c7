export { fileArtifactStore } from './file-store.ts';
export { s3ArtifactStore, type S3ArtifactStoreOptions } from './s3-store.ts';
export type {
  ArtifactOptions,
  ArtifactOwner,
  ArtifactStore,
  StoredContent,
} from '../types/artifact-store.ts';
