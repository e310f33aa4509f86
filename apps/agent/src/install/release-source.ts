import { type GrubImages, planVerityTree, TarParser } from '@bowline/formats';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { openRelease } from '../release/open-release.ts';
import { writeRoot } from '../release/write-root.ts';
import type { InstallSource } from './source.ts';

/** Schemes of Kairos; what follows is a reference or a folder. */
const SCHEMES = /^(?:oci|docker|dir|file|ocifile):(?:\/\/)?/;

/**
 * A release as what is installed. Its document is verified against the keys of the running image.
 *
 * @throws AgentError SOURCE_UNAVAILABLE | SIGNATURE_INVALID | RELEASE_UNFIT; SpecError RELEASE_INVALID; OciError.
 */
export async function openReleaseSource(machine: Machine, source: string): Promise<InstallSource> {
  const release = await openRelease(machine, source.replace(SCHEMES, ''));
  const { document } = release;
  return {
    system: {
      name: document.name,
      version: document.version,
      imageId: document.imageId,
      arch: document.arch,
      rootHash: document.verity.rootHash,
      rootBytes: document.root.sizeBytes,
      origin: release.origin,
      signedBy: release.signedBy,
    },
    slotBytes: document.slotBytes,
    // A release does not say; room for it is kept.
    recovery: true,
    verityBytes: planVerityTree(document.verity.dataBlocks).hashBytes,
    uki: { ...document.uki, open: () => release.uki() },
    bootLoader: { ...document.bootLoader, open: () => release.bootLoader() },
    biosLoader: async () => {
      const tar = release.biosLoader();
      return tar === undefined ? undefined : readBiosLoader(tar);
    },
    warnings: release.warnings,
    verifiesRoot: true,
    writeRoot: async ({ file, writer, data, hash }, { onBytes }) => {
      await writer.flush();
      const region = ({ offsetBytes, sizeBytes }: { offsetBytes: number; sizeBytes: number }) => ({
        path: file,
        offsetBytes,
        sizeBytes,
      });
      await writeRoot(
        release,
        { data: region(data), hash: region(hash) },
        { bases: [], progress: ({ phase, doneBytes }) => phase === 'write' && onBytes(doneBytes) },
      );
    },
  };
}

async function readBiosLoader(tar: AsyncIterable<Uint8Array>): Promise<GrubImages> {
  const parts: Uint8Array[] = [];
  for await (const part of tar) parts.push(part);
  const archive = new Uint8Array(Buffer.concat(parts));
  const entries = new TarParser().push(archive);
  const [boot, core] = ['boot.img', 'core.img'].map((name) => {
    const entry = entries.find(({ path }) => path === name);
    return entry?.type === 'file' ? archive.subarray(entry.offset, entry.offset + entry.size) : undefined;
  });
  if (boot !== undefined && core !== undefined) return { boot, core };
  throw new AgentError({
    code: 'RELEASE_UNFIT',
    message: 'The release has no boot images for BIOS.',
    hint: 'Build the release again.',
  });
}
