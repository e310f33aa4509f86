import { downloadText } from '../download/download.ts';
import { describeUrl, parseWebAddress } from '../download/web-address.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { type AuthorizedKey, parseAuthorizedKey } from './ssh-key.ts';

/** Where a key of the configuration comes from. */
export type KeySource = { kind: 'line'; line: string } | { kind: 'url'; url: string; shown: string };

const PROVIDERS: Readonly<Record<string, string>> = { github: 'https://github.com', gitlab: 'https://gitlab.com' };
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 1024 * 1024;
const TRIES = 3;

/**
 * `github:NAME`, `gitlab:NAME`, an http or https address, or a key itself.
 * Throws AgentError STEP_INVALID for what is none of these, without showing it.
 */
export function readKeySource(text: string): KeySource {
  const value = text.trim();
  const [, provider = '', name = ''] =
    /^(github|gitlab):(?:\/\/)?@?([A-Za-z0-9](?:[A-Za-z0-9_.-]*))$/.exec(value) ?? [];
  const base = PROVIDERS[provider];
  if (base !== undefined) return { kind: 'url', url: `${base}/${name}.keys`, shown: `${provider}:${name}` };
  if (/^https?:\/\//i.test(value)) {
    parseWebAddress(value);
    return { kind: 'url', url: value, shown: describeUrl(value) };
  }
  if (parseAuthorizedKey(value) !== undefined) return { kind: 'line', line: value };
  throw new AgentError({
    code: 'STEP_INVALID',
    message: 'an SSH key is neither a public key, github:NAME, gitlab:NAME nor a web address',
    hint: 'A public key is the one line of a .pub file, such as `ssh-ed25519 AAAA... name`.',
  });
}

/**
 * The keys of a source; certificates are always verified. Throws AgentError DOWNLOAD_FAILED when the source is down, or
 * gives anything but keys: nobody may be locked out, or let in, by an error page.
 */
export async function fetchKeys(machine: Machine, source: KeySource): Promise<AuthorizedKey[]> {
  if (source.kind === 'line') return [parseAuthorizedKey(source.line)].flatMap((key) => key ?? []);
  const text = await downloadText(machine, source.url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, tries: TRIES });
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const keys = lines.flatMap((line) => parseAuthorizedKey(line) ?? []);
  if (keys.length > 0 && keys.length === lines.length) return keys;
  throw new AgentError({
    code: 'DOWNLOAD_FAILED',
    message: `${source.shown} gave ${lines.length === 0 ? 'no SSH keys' : 'something that is no list of SSH keys'}`,
    hint: 'The address must give public keys, one a line. Keys that were there stay.',
  });
}
