import { OciError, quoteForeignText } from '../error.ts';
import { AuthSession, type AuthTarget } from './auth-session.ts';
import { findDockerCredentials } from './credentials.ts';
import { isPermanentNetworkFailure, type RequestSubject, rateLimited, statusFailure } from './failures.ts';
import { type HttpContext, type HttpReply, type HttpRequest, readAll, sendRequest } from './http.ts';
import { DEFAULT_TRANSFER_LIMITS, type RegistryOptions, type TransferLimits } from './options.ts';
import { backoffMs, isRetryableStatus, parseRetryAfter, sleepFor } from './retry.ts';

/** A place that serves a repository: the registry itself or a mirror of it. */
export interface Endpoint {
  /** Name for logins and messages. */
  registry: string;
  repository: string;
  /** `https://host/v2/repository/`. */
  base: URL;
}

/** A request to an endpoint, with what it needs to be allowed and explained. */
export interface EndpointRequest extends Omit<HttpRequest, 'authorization'> {
  endpoint: Endpoint;
  scopes: readonly string[];
  /** "the manifest of ...". */
  what: string;
  /** Tries in all; default from the limits. */
  maxAttempts?: number;
}

/** Requests with login and retries to any number of hosts; tokens are kept for its life. */
export class Connection {
  readonly limits: TransferLimits;
  private readonly context: HttpContext;
  private readonly session: AuthSession;
  private readonly options: RegistryOptions;

  constructor(options: RegistryOptions) {
    this.options = options;
    this.limits = { ...DEFAULT_TRANSFER_LIMITS, ...options.limits };
    const plain = new Set((options.plainHttpRegistries ?? []).map((host) => host.toLowerCase()));
    this.context = { fetch: options.host.fetch, limits: this.limits, allowsPlainHttp: (host) => plain.has(host) };
    this.session = new AuthSession({
      context: this.context,
      lookup: options.credentials ?? findDockerCredentials(options.host),
      clock: options.host.clock,
      send: (request, subject) =>
        this.retry(subject, request.signal, this.limits.maxAttempts, () => sendRequest(this.context, request)),
    });
  }

  /** Where pulls of a repository go: mirrors first, the registry last. */
  pullEndpoints(registry: string, repository: string): Endpoint[] {
    const mirrors = this.options.mirrors?.[registry] ?? [];
    const places = mirrors.map((mirror) => {
      const bare = mirror.replace(/\/+$/, '');
      const slash = bare.indexOf('/');
      const host = slash < 0 ? bare : bare.slice(0, slash);
      return this.endpoint(host, slash < 0 ? repository : `${bare.slice(slash + 1)}/${repository}`);
    });
    return [...places, this.endpoint(registry, repository)];
  }

  /** Where pushes go: only the registry itself. */
  endpoint(registry: string, repository: string): Endpoint {
    // The name people write is not the host of Docker Hub's API.
    const host = registry === 'docker.io' || registry === 'index.docker.io' ? 'registry-1.docker.io' : registry;
    const scheme = this.context.allowsPlainHttp(host) ? 'http' : 'https';
    const base = URL.parse(`${scheme}://${host}/v2/${repository}/`);
    if (base === null || base.pathname !== `/v2/${repository}/`) {
      throw new OciError({
        code: 'REFERENCE_INVALID',
        message: `"${quoteForeignText(`${registry}/${repository}`, 120)}" is no registry address.`,
        hint: 'Write host[:port]/repository without https:// in front; a mirror is host[:port][/prefix].',
      });
    }
    return { registry, repository, base };
  }

  /**
   * Sends with login and retries. Returns any final status but 401, 403 and 429, which are thrown as UNAUTHORIZED and RATE_LIMITED;
   * network failures are thrown after the last try.
   */
  async send(request: EndpointRequest): Promise<HttpReply> {
    const subject: RequestSubject = { host: request.endpoint.registry, what: request.what };
    const maxAttempts = request.maxAttempts ?? this.limits.maxAttempts;
    const reply = await this.retry(subject, request.signal, maxAttempts, () => this.sendAuthorized(request, subject));
    if (reply.status !== 401 && reply.status !== 403 && reply.status !== 429) return reply;
    await reply.discard();
    throw statusFailure(reply.status, subject, '');
  }

  /** Reads the body of a refused request for the message and throws the error for it. */
  async fail(reply: HttpReply, subject: RequestSubject): Promise<never> {
    const excerpt = await readAll(reply, this.limits, 8192, 'The error').then(readErrorText, () => '');
    throw statusFailure(reply.status, subject, excerpt);
  }

  /** Waits before try number `attempt + 1`. */
  async pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    await (this.options.sleep ?? sleepFor)(backoffMs(this.limits, attempt), signal);
  }

  private async sendAuthorized(request: EndpointRequest, subject: RequestSubject): Promise<HttpReply> {
    const target: AuthTarget = request.endpoint;
    const authorization = await this.session.authorization(target, request.scopes);
    const reply = await sendRequest(this.context, { ...request, authorization });
    // A 401 of a host we were redirected to is not the registry's question: nobody there gets our login.
    if (reply.status !== 401 || reply.url.origin !== request.url.origin) return reply;
    await reply.discard();
    const proof = await this.session.answer(reply, target, request.scopes, subject, authorization, request.signal);
    return sendRequest(this.context, { ...request, authorization: proof });
  }

  private async retry(
    subject: RequestSubject,
    signal: AbortSignal | undefined,
    maxAttempts: number,
    attemptOnce: () => Promise<HttpReply>,
  ): Promise<HttpReply> {
    for (let attempt = 1; ; attempt += 1) {
      let waitMs: number | undefined;
      try {
        const reply = await attemptOnce();
        if (!isRetryableStatus(reply.status)) return reply;
        waitMs = parseRetryAfter(reply.headers.get('retry-after'), this.options.host.clock.now());
        if (waitMs !== undefined && waitMs > this.limits.maxRetryAfterMs) {
          await reply.discard();
          throw rateLimited(subject, waitMs);
        }
        // A refused request took no effect, so even one that must not be repeated blindly may wait its turn.
        if (attempt >= (reply.status === 429 ? this.limits.maxAttempts : maxAttempts)) return reply;
        await reply.discard();
      } catch (error) {
        signal?.throwIfAborted();
        const mayRetry = error instanceof OciError && error.code === 'REGISTRY_UNREACHABLE';
        if (
          !mayRetry ||
          isPermanentNetworkFailure(error.cause) ||
          error.cause === undefined ||
          attempt >= maxAttempts
        ) {
          throw error;
        }
      }
      await (this.options.sleep ?? sleepFor)(waitMs ?? backoffMs(this.limits, attempt), signal);
    }
  }
}

/** The messages of an error document (distribution spec 1.1, "Error Codes"); '' for anything else. */
function readErrorText(bytes: Uint8Array): string {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes)) as { errors?: { code?: unknown; message?: unknown }[] };
    return quoteForeignText((json.errors ?? []).map((item) => `${item.code}: ${item.message}`).join('; '));
  } catch {
    return '';
  }
}
