/** A `WWW-Authenticate` challenge the client can answer. */
export type Challenge =
  | { scheme: 'bearer'; realm: string; service: string | undefined; scope: string | undefined }
  | { scheme: 'basic' };

/**
 * Reads a `WWW-Authenticate` header (RFC 9110 section 11.6.1), which may hold several challenges, and picks the strongest that can
 * be answered: bearer, then basic. Undefined when there is none.
 */
export function parseChallenge(header: string | null): Challenge | undefined {
  if (header === null || header.length > 8192) return undefined;
  const found = splitChallenges(header);
  const bearer = found.find((item) => item.scheme === 'bearer');
  const realm = bearer?.params.get('realm');
  if (bearer !== undefined && realm !== undefined) {
    return { scheme: 'bearer', realm, service: bearer.params.get('service'), scope: bearer.params.get('scope') };
  }
  return found.some((item) => item.scheme === 'basic') ? { scheme: 'basic' } : undefined;
}

interface RawChallenge {
  scheme: string;
  params: Map<string, string>;
}

function splitChallenges(header: string): RawChallenge[] {
  const found: RawChallenge[] = [];
  // Either `name = value` (token or quoted string), or a bare word that starts the next challenge.
  const part = /([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g;
  for (const match of header.matchAll(part)) {
    const [, name = '', quoted, token] = match;
    const value = quoted === undefined ? token : quoted.replace(/\\(.)/g, '$1');
    if (value === undefined) found.push({ scheme: name.toLowerCase(), params: new Map() });
    else if (!found.at(-1)?.params.has(name.toLowerCase())) found.at(-1)?.params.set(name.toLowerCase(), value);
  }
  return found;
}
