import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { treeReader } from '../compose/read-tree.ts';
import { takeInventory } from '../release/inventory.ts';
import { writeRelease } from '../release/write-release.ts';
import { grubArchive, readGrubImages } from '../seal/grub.ts';
import { artefactStem, type Output } from './output.ts';

/** What machines upgrade from: an OCI layout folder with the root in chunks, the UKI, the boot loaders, and a signed document. */
export const releaseOutput: Output = {
  kind: 'release',
  title: 'Release',
  async write({ image, scratch, tree, kernel, store, releaseKey, progress, signal }) {
    const folder = `${artefactStem(image)}-release`;
    const inventory = await takeInventory(image, treeReader(await tree(), store), await kernel());
    const onBytes = (done: number): void => progress.bytes(done, image.squashfs.sizeBytes);
    const grub = await readGrubImages(image);
    const biosLoader = grub === undefined ? undefined : grubArchive(grub);
    const release = { folder: join(scratch, folder), image, inventory, biosLoader, key: releaseKey };
    await writeRelease({ ...release, onBytes, signal });
    const blobs = await readdir(join(scratch, folder, 'blobs/sha256'));
    return ['oci-layout', 'index.json', ...blobs.sort().map((name) => `blobs/sha256/${name}`)].map(
      (name) => `${folder}/${name}`,
    );
  },
};
