import type { KeyObject } from 'node:crypto';

/** A public key whose signatures make a release acceptable. */
export interface ReleaseKey {
  /** `sha256:...` of the key's SubjectPublicKeyInfo. */
  id: string;
  /** Name of its file, for messages. */
  name: string;
  key: KeyObject;
}
