import { createHash } from 'node:crypto';
import { VERITY_BLOCK, VerityTreeBuilder } from '@bowline/formats';
import { makeTestUki } from '../boot-menu/test-uki.testdata.ts';
import type { NewVersion } from './upgrade-facts.ts';

/** A version made of nothing: a root with a verity tree, and a UKI without a kernel that starts. */
export interface TestVersion extends NewVersion {
  root: Uint8Array;
  hash: Uint8Array;
  uki: Uint8Array;
}

const ROOT_BLOCKS = 300;

/** The same version for the same name, and different bytes for every other one. */
export function makeTestVersion(version: string): TestVersion {
  const root = new Uint8Array(ROOT_BLOCKS * VERITY_BLOCK);
  for (let block = 0; block < ROOT_BLOCKS; block += 1) root.set(digest(`${version} ${block}`), block * VERITY_BLOCK);
  const hash = new Map<number, Uint8Array>();
  const builder = new VerityTreeBuilder({
    dataBlocks: ROOT_BLOCKS,
    salt: digest(version),
    uuid: '11111111-2222-3333-4444-555555555555',
    sha256: digest,
    write: (offset, block) => hash.set(offset, block.slice()),
  });
  builder.add(root);
  const rootHash = Buffer.from(builder.finish()).toString('hex');
  const hashArea = new Uint8Array(builder.plan.hashBytes);
  for (const [offset, block] of hash) hashArea.set(block, offset);
  const { bytes: uki, digest: ukiDigest } = makeTestUki(rootHash);
  return {
    name: 'edge',
    version,
    imageId: `sha256:${digest(`image ${version}`).toString('hex')}`,
    arch: 'amd64',
    debug: false,
    layoutVersion: 1,
    rootHash,
    rootBytes: root.length,
    hashBytes: hashArea.length,
    ukiDigest,
    ukiBytes: uki.length,
    root,
    hash: hashArea,
    uki,
  };
}

function digest(content: string | Uint8Array): Buffer {
  return createHash('sha256').update(content).digest();
}
