import { OciError, quoteForeignText } from '../error.ts';

/** Why no answer came, by the error code of the socket, the resolver or TLS. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  UND_ERR_SOCKET: 'the connection was closed',
  ETIMEDOUT: 'no answer came in time',
  UND_ERR_CONNECT_TIMEOUT: 'no answer came in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer came in time',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
};

/** The transfer came to a stop: raised by our own timers, never by the server. */
export class StallError extends Error {}

/** True when trying again cannot help. */
export function isPermanentNetworkFailure(cause: unknown): boolean {
  const code = networkCode(cause);
  return (
    code === 'ENOTFOUND' || isCertificateCode(code) || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'BAD_PORT'
  );
}

/** Translates a failed `fetch` or body read of `host` into a sentence with its cure. */
export function networkFailure(host: string, cause: unknown): OciError {
  if (cause instanceof OciError) return cause;
  const code = networkCode(cause);
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return new OciError({
      code: 'PLAIN_HTTP_REFUSED',
      message: `${host} does not speak TLS, and plain HTTP is used only when asked for.`,
      hint: `If you trust the network in between, allow plain HTTP with --plain-http ${host}.`,
      cause,
    });
  }
  if (isCertificateCode(code)) {
    return new OciError({
      code: 'REGISTRY_UNREACHABLE',
      message: `The certificate of ${host} is not trusted (${code}).`,
      hint: 'Name the authority that issued it: NODE_EXTRA_CA_CERTS=/path/ca.pem, or NODE_USE_SYSTEM_CA=1 for the ones of this system.',
      cause,
    });
  }
  const reason =
    cause instanceof StallError ? cause.message : (REASONS[code] ?? quoteForeignText(code || innermostMessage(cause)));
  return new OciError({
    code: 'REGISTRY_UNREACHABLE',
    message: `The registry ${host} cannot be reached: ${reason}.`,
    hint: 'Check the name and the network; behind a proxy set HTTPS_PROXY, NO_PROXY and NODE_USE_ENV_PROXY=1.',
    details: { host, reason: code === '' ? reason : code },
    cause,
  });
}

/** What was asked, for the message of a refused request. */
export interface RequestSubject {
  /** Host as the user knows it. */
  host: string;
  /** "the manifest of registry.example.org/base:4.2". */
  what: string;
}

/** Translates a final HTTP status into an error. `excerpt` is the server's own explanation, already made safe. */
export function statusFailure(status: number, subject: RequestSubject, excerpt: string): OciError {
  const said = excerpt === '' ? '' : ` It said: ${excerpt}`;
  const details = { host: subject.host, status };
  if (status === 401 || status === 403)
    return unauthorized(subject, status === 401 ? 'asks for a login' : 'denies access');
  if (status === 404) {
    return new OciError({
      code: 'NOT_FOUND',
      message: `${subject.host} does not have ${subject.what}.${said}`,
      hint: 'Check the spelling of repository and tag; a private repository also needs a login.',
      details,
    });
  }
  if (status === 429) return rateLimited(subject, undefined);
  return new OciError({
    code: 'REGISTRY_UNREACHABLE',
    message: `${subject.host} answers with HTTP status ${status} when asked for ${subject.what}.${said}`,
    hint: status >= 500 ? 'The registry is ill; try again later.' : 'Check that this host is a container registry.',
    details,
  });
}

/** Credentials are missing, wrong or not enough. */
export function unauthorized(subject: RequestSubject, why: string, cause?: unknown): OciError {
  return new OciError({
    code: 'UNAUTHORIZED',
    message: `${subject.host} ${why} for ${subject.what}.`,
    hint: `Log in with \`docker login ${subject.host}\` (or \`podman login\`) as a user who may read it, and check the repository name.`,
    details: { host: subject.host },
    cause,
  });
}

/** The registry asks to come back later than is worth waiting. */
export function rateLimited(subject: RequestSubject, retryAfterMs: number | undefined): OciError {
  const after = retryAfterMs === undefined ? '' : ` and asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
  return new OciError({
    code: 'RATE_LIMITED',
    message: `${subject.host} allows no more requests for now${after} (${subject.what}).`,
    hint: `Wait, log in with \`docker login ${subject.host}\` for a higher limit, or name a mirror.`,
    details: { host: subject.host, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}

/** The code of the innermost cause; '' when there is none. */
function networkCode(error: unknown): string {
  let current = error;
  let found = '';
  for (let depth = 0; depth < 6 && current instanceof Error; depth += 1) {
    const code = (current as { code?: unknown }).code;
    if (typeof code === 'string') found = code;
    else if (current.message === 'bad port') found = 'BAD_PORT';
    current = current instanceof AggregateError ? (current.errors[0] as unknown) : current.cause;
  }
  return found;
}

/** What the deepest cause says: `fetch` itself only says "fetch failed". */
function innermostMessage(error: unknown): string {
  let current = error;
  let message = 'unknown failure';
  for (let depth = 0; depth < 6 && current instanceof Error; depth += 1) {
    if (current.message !== '') message = current.message.replace(/\.$/, '');
    current = current.cause;
  }
  return message;
}

function isCertificateCode(code: string): boolean {
  return /CERT|UNABLE_TO_|ERR_TLS_|HOSTNAME_MISMATCH/.test(code);
}
