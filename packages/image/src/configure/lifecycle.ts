import { createHash, createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LIFECYCLE_FILE, RELEASE_KEYS_FOLDER } from '@bowline/os-layout';
import { type Bowl, formatLifecycle, lifecycleOfBowl } from '@bowline/spec';
import { ImageError } from '../error.ts';
import { type RootChange, textFile } from './root-reader.ts';

const MAX_KEY_BYTES = 64 * 1024;

/**
 * `checks:` and `upgrade:` of a bowl as files of its image: the lifecycle document, and each trusted key under the name by
 * which signatures call it, so that a key given twice is one file.
 *
 * @throws ImageError SOURCE_MISSING | KEYS_INVALID
 */
export async function configureLifecycle(bowlFolder: string, bowl: Bowl): Promise<RootChange[]> {
  const keys = await Promise.all(
    bowl.upgrade.trustedKeys.map(async (file) => {
      const { id, pem } = readReleaseKey(file, await readKey(resolve(bowlFolder, file), file));
      return textFile(`${RELEASE_KEYS_FOLDER.slice(1)}/${id}.pem`, pem);
    }),
  );
  return [textFile(LIFECYCLE_FILE.slice(1), formatLifecycle(lifecycleOfBowl(bowl))), ...keys];
}

async function readKey(path: string, file: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ImageError({
      code: 'SOURCE_MISSING',
      message: `upgrade.trustedKeys names ${file}, which cannot be read`,
      hint: 'paths start at the folder of the bowl that names them',
      cause,
    });
  });
  if (bytes.length > MAX_KEY_BYTES) throw invalidKey(file, 'is far too large for a key');
  return bytes.toString('latin1');
}

/** The key in the one way it can be written, and sha256 of its SPKI DER as hex digits. */
function readReleaseKey(file: string, text: string): { id: string; pem: string } {
  // Node would take the public half out of it: whoever made the mistake must hear of it instead.
  if (/PRIVATE KEY/.test(text)) throw invalidKey(file, 'is a private key, which must stay with whoever signs');
  try {
    const key = createPublicKey(text);
    if (key.asymmetricKeyType !== 'ed25519') throw invalidKey(file, `is of type ${key.asymmetricKeyType}, not Ed25519`);
    const der = key.export({ type: 'spki', format: 'der' });
    const id = createHash('sha256').update(der).digest('hex');
    return { id, pem: key.export({ type: 'spki', format: 'pem' }).toString() };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw invalidKey(file, 'is not a public key in PEM', error);
  }
}

function invalidKey(file: string, what: string, cause?: unknown): ImageError {
  return new ImageError({
    code: 'KEYS_INVALID',
    message: `upgrade.trustedKeys: ${file} ${what}`,
    hint: 'name the public half of a pair that `bowline keys generate --release` made',
    cause,
  });
}
