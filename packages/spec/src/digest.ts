import * as z from 'zod';

/** `sha256:` and 64 lower-case hex digits. */
export const Sha256 = z
  .templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)])
  .meta({ description: 'sha256: and 64 hex digits.' });
export type Sha256 = `sha256:${string}`;

/** SHA-256 of text as UTF-8, by Web Crypto. */
export async function sha256Text(text: string): Promise<Sha256> {
  const hash = await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return `sha256:${new Uint8Array(hash).toHex()}`;
}
