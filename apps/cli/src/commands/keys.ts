import { access, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '@bowline/host';
import { TEST_KEY_SUBJECT } from '@bowline/os-layout';
import { Command } from 'commander';
import { type CommandGroup, defineCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { generateTestKey } from '../keys/test-key.ts';

const generate = defineCommand<[folder: string], { test?: boolean }>({
  declare: () =>
    new Command('generate')
      .summary('make a signing key')
      .description(
        `Makes a private key and a certificate named "${TEST_KEY_SUBJECT}". For tests only: never trust it elsewhere.`,
      )
      .argument('<folder>', 'where test.key and test.crt go')
      .option('--test', 'a test key: RSA-2048, no password'),
  examples: ['bowline keys generate keys --test'],
  run: async ([folder], { test = false }, context) => {
    if (!test) {
      throw new CliError({
        code: 'USAGE',
        message: 'only test keys can be made so far; add --test',
        hint: 'Keys for production come from your own certificate authority: build --key FILE --certificate FILE.',
      });
    }
    const target = resolve(context.cwd, folder);
    const keyPath = join(target, 'test.key');
    const certificatePath = join(target, 'test.crt');
    for (const path of [keyPath, certificatePath]) await refuseExisting(path);
    const { keyPem, certificatePem } = await generateTestKey();
    await mkdir(target, { recursive: true });
    await writeFileAtomic(keyPath, keyPem, 0o600);
    await writeFileAtomic(certificatePath, certificatePem, 0o644);
    return {
      text: `${keyPath}\n${certificatePath}`,
      json: { key: keyPath, certificate: certificatePath, subject: TEST_KEY_SUBJECT },
    };
  },
});

/** `bowline keys`: signing keys. */
export const keys: CommandGroup = {
  declare: () => new Command('keys').summary('make signing keys').description('Makes the keys images are signed with.'),
  examples: ['bowline keys generate keys --test'],
  commands: [generate],
};

/** Losing a key because its name was used twice is worse than a refusal. */
async function refuseExisting(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new CliError({ code: 'FILE_EXISTS', message: `${path} exists already`, hint: 'Choose another folder.' });
}
