import { resolve } from 'node:path';
import type { ReleaseVerdict } from '@bowline/image';
import { Command } from 'commander';
import { defineCommand } from '../command.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { formatBytes } from '../text-table.ts';
import { releaseAccess } from './release-access.ts';

interface VerifyFlags {
  key?: string[];
  plainHttp?: string[];
}

/** `bowline verify FOLDER|REF`: checks everything a release promises. */
export const verify = defineCommand<[place: string], VerifyFlags>({
  declare: () =>
    new Command('verify')
      .summary('check everything a release promises')
      .description(
        'Reads all of a release: digests and sizes, every chunk against the index, the root hash computed anew, the UKI, the signature. Damage ends with exit code 5.',
      )
      .argument(
        '<place>',
        'a release folder, the folder of a build, or a reference such as registry.example.org/edge:2',
      )
      .option('--key <file...>', 'public keys (PEM), one of which must have signed it')
      .option('--plain-http <host...>', 'registries to talk to without TLS'),
  examples: [
    'bowline verify out/edge --key keys/release.pem',
    'bowline verify registry.example.org/edge:2 --key keys/release.pem --json',
  ],
  run: async ([place], flags, context) => {
    const { openReleases, openTrustedKey, verifyRelease } = await import('@bowline/image');
    const keys = await Promise.all((flags.key ?? []).map((path) => openTrustedKey(resolve(context.cwd, path))));
    const verdicts: (ReleaseVerdict & { origin: string })[] = [];
    await context.progress.task(`verify ${place}`, async (task) => {
      const sources = await openReleases(place, releaseAccess(context, flags.plainHttp, task));
      for (const source of sources) {
        for (const artifact of source.artifacts) {
          const onBytes = (done: number, total: number): void => task.bytes(done, total);
          const verdict = await verifyRelease(source, artifact, { keys, onBytes, signal: context.signal });
          verdicts.push({ origin: source.origin, ...verdict });
        }
      }
    });
    const isWhole = verdicts.every(({ problems }) => problems.length === 0);
    return {
      text: verdicts.map((verdict) => formatVerdict(verdict, keys.length > 0)).join('\n\n'),
      json: { ok: isWhole, releases: verdicts },
      ...(isWhole ? {} : { exitCode: EXIT_CODES.DIGEST_MISMATCH }),
    };
  },
});

function formatVerdict(verdict: ReleaseVerdict & { origin: string }, hasKeys: boolean): string {
  const { document, problems, signatures, signedBy, documentDigest, origin } = verdict;
  const title =
    document === undefined ? `The release in ${origin}` : `${document.name} ${document.version} ${document.arch}`;
  const signed = hasKeys
    ? `signed by ${signedBy.join(', ') || 'none of the keys'}`
    : signatures.length === 0
      ? 'not signed'
      : `signed by ${signatures.join(', ')} (not checked: name its public key with --key)`;
  const facts =
    document === undefined
      ? []
      : [
          `  image ID   ${document.imageId}`,
          `  root hash  ${document.verity.rootHash}`,
          `  root       ${formatBytes(document.root.sizeBytes)}, in chunks ${formatBytes(document.chunks.sizeBytes)}`,
        ];
  return [
    `${title}: ${problems.length === 0 ? 'everything is as it should be' : 'DAMAGED OR NOT TRUSTED'}`,
    ...problems.map((problem) => `  - ${problem}`),
    ...facts,
    `  document   ${documentDigest}`,
    `  signature  ${signed}`,
  ].join('\n');
}
