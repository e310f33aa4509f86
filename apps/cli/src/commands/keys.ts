import { access, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { TEST_KEY_SUBJECT } from '@bowline/os-layout';
import { Command, Option } from 'commander';
import { type CommandGroup, defineCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { generateReleaseKey } from '../keys/release-key.ts';
import { generateTestKey } from '../keys/test-key.ts';

interface GenerateFlags {
  test?: boolean;
  release?: boolean;
}

const generate = defineCommand<[folder: string], GenerateFlags>({
  declare: () =>
    new Command('generate')
      .summary('make a signing key')
      .description(
        `Makes a key pair that releases are signed with, or a test key for Secure Boot with a certificate named "${TEST_KEY_SUBJECT}", which nobody must trust elsewhere.`,
      )
      .argument('<folder>', 'where the two files go')
      .addOption(
        new Option(
          '--release',
          'release.key and release.pem: Ed25519; images that bring release.pem take only what is signed',
        ).conflicts('test'),
      )
      .option('--test', 'test.key and test.crt: RSA-2048, for tests only, no password'),
  examples: ['bowline keys generate keys --release', 'bowline keys generate keys --test'],
  run: async ([folder], flags, context) => {
    const target = resolve(context.cwd, folder);
    if (flags.release) {
      const paths = { key: join(target, 'release.key'), publicKey: join(target, 'release.pem') };
      for (const path of Object.values(paths)) await refuseExisting(path);
      const { keyPem, publicKeyPem, keyId } = await generateReleaseKey();
      await writePair(target, [paths.key, keyPem], [paths.publicKey, publicKeyPem]);
      return { text: `${paths.key}\n${paths.publicKey}`, json: { ...paths, keyId } };
    }
    if (!flags.test) {
      throw new CliError({
        code: 'USAGE',
        message: 'say which keys: --release or --test',
        hint: 'Keys of Secure Boot for production come from your own certificate authority: build --key FILE --certificate FILE.',
      });
    }
    const paths = { key: join(target, 'test.key'), certificate: join(target, 'test.crt') };
    for (const path of Object.values(paths)) await refuseExisting(path);
    const { keyPem, certificatePem } = await generateTestKey();
    await writePair(target, [paths.key, keyPem], [paths.certificate, certificatePem]);
    return { text: `${paths.key}\n${paths.certificate}`, json: { ...paths, subject: TEST_KEY_SUBJECT } };
  },
});

/** `bowline keys`: signing keys. */
export const keys: CommandGroup = {
  declare: () => new Command('keys').summary('make signing keys').description('Makes the keys images are signed with.'),
  examples: ['bowline keys generate keys --release'],
  commands: [generate],
};

async function writePair(
  folder: string,
  [keyPath, key]: readonly [string, string],
  [publicPath, publicText]: readonly [string, string],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(keyPath, key, 0o600);
  await writeFileAtomic(publicPath, publicText, 0o644);
}

/** Losing a key because its name was used twice is worse than a refusal. */
async function refuseExisting(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new CliError({ code: 'FILE_EXISTS', message: `${path} exists already`, hint: 'Choose another folder.' });
}
