import { AgentError } from '../error.ts';

/** Parses an http or https address. Throws AgentError STEP_INVALID; the message does not repeat the address. */
export function parseWebAddress(url: string): URL {
  const address = URL.parse(url.trim());
  if (address !== null && (address.protocol === 'http:' || address.protocol === 'https:')) return address;
  throw new AgentError({
    code: 'STEP_INVALID',
    message: `${address === null ? 'the address' : `${address.protocol} addresses`} cannot be downloaded`,
    hint: 'Write it as https://example.com/file.',
  });
}

/** An address for people: without user, password, query and fragment, which may be secret. */
export function describeUrl(url: string | URL): string {
  const address = typeof url === 'string' ? URL.parse(url.trim()) : url;
  return address === null ? 'an address' : `${address.protocol}//${address.host}${address.pathname}`;
}

/** Takes user and password out of an address, as `fetch` wants it. */
export function splitCredentials(from: URL): { url: URL; authorization: string | undefined } {
  const url = new URL(from);
  if (url.username === '' && url.password === '') return { url, authorization: undefined };
  const text = `${decode(url.username)}:${decode(url.password)}`;
  url.username = '';
  url.password = '';
  return { url, authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
