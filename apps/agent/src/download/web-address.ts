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
  const { url, username, password } = splitLogin(from);
  if (username === '' && password === '') return { url, authorization: undefined };
  return { url, authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** An address without its user and password, and these, decoded. */
export function splitLogin(from: URL): { url: URL; username: string; password: string } {
  const url = new URL(from);
  url.username = '';
  url.password = '';
  return { url, username: decode(from.username), password: decode(from.password) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
