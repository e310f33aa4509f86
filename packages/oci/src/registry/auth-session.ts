import type { Clock } from '@bowline/host';
import * as z from 'zod';
import { OciError } from '../error.ts';
import { type Challenge, parseChallenge } from './challenge.ts';
import type { CredentialLookup, Credentials } from './credentials.ts';
import { networkFailure, type RequestSubject, statusFailure, unauthorized } from './failures.ts';
import { type HttpContext, type HttpReply, type HttpRequest, readAll, requirePlainHttp } from './http.ts';

/** Answer of a token endpoint (distribution project, "Token Authentication Specification"). */
const TokenAnswer = z.looseObject({
  token: z.string().min(1).optional(),
  access_token: z.string().min(1).optional(),
  expires_in: z.number().optional(),
});

const MAX_TOKEN_BYTES = 2 ** 20;
/** Life of a token that does not name it, and the least that is believed (same specification). */
const MIN_TOKEN_SECONDS = 60;
const EXPIRY_MARGIN_MS = 5_000;

interface Proof {
  authorization: string;
  expiresAtMs: number;
}

/** What a session needs to know about the host it logs in to. */
export interface AuthTarget {
  /** Name the user wrote; logins are kept under it. */
  registry: string;
  repository: string;
}

/**
 * Proofs for one registry host: remembers them per scope, asks for new ones when a challenge comes or they expire. Parallel
 * requests share one token request.
 */
export class AuthSession {
  private readonly context: HttpContext;
  private readonly lookup: CredentialLookup;
  private readonly clock: Clock;
  /** Sends with retries for ill servers; never follows a redirect with a secret in the body. */
  private readonly send: (request: HttpRequest, subject: RequestSubject) => Promise<HttpReply>;
  private readonly proofs = new Map<string, Promise<Proof>>();

  constructor(parts: {
    context: HttpContext;
    lookup: CredentialLookup;
    clock: Clock;
    send: (request: HttpRequest, subject: RequestSubject) => Promise<HttpReply>;
  }) {
    this.context = parts.context;
    this.lookup = parts.lookup;
    this.clock = parts.clock;
    this.send = parts.send;
  }

  /** The `Authorization` header for these scopes, when one is already known and fresh. */
  async authorization(target: AuthTarget, scopes: readonly string[]): Promise<string | undefined> {
    const key = proofKey(target, scopes);
    const pending = this.proofs.get(key);
    const proof = await pending?.catch(() => undefined);
    if (proof === undefined) return undefined;
    if (proof.expiresAtMs > this.clock.now().getTime() + EXPIRY_MARGIN_MS) return proof.authorization;
    if (this.proofs.get(key) === pending) this.proofs.delete(key);
    return undefined;
  }

  /**
   * Answers a 401: gets a proof for the challenge and remembers it. `rejected` is the header that was just refused. Throws
   * UNAUTHORIZED when there is nothing (else) to offer.
   */
  async answer(
    reply: HttpReply,
    target: AuthTarget,
    scopes: readonly string[],
    subject: RequestSubject,
    rejected: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const challenge = parseChallenge(reply.headers.get('www-authenticate'));
    if (challenge === undefined) throw unauthorized(subject, 'asks for a login of an unknown kind');
    const key = proofKey(target, scopes);
    const known = this.proofs.get(key);
    const current = await known?.catch(() => undefined);
    // Another request has renewed the proof meanwhile.
    if (current !== undefined && current.authorization !== rejected) return current.authorization;
    if (this.proofs.get(key) === known) this.proofs.set(key, this.obtain(challenge, target, scopes, subject, signal));
    const proof = this.proofs.get(key) ?? this.obtain(challenge, target, scopes, subject, signal);
    try {
      const { authorization } = await proof;
      if (authorization === rejected) throw unauthorized(subject, 'does not accept the login');
      return authorization;
    } catch (error) {
      if (this.proofs.get(key) === proof) this.proofs.delete(key);
      throw error;
    }
  }

  private async obtain(
    challenge: Challenge,
    target: AuthTarget,
    scopes: readonly string[],
    subject: RequestSubject,
    signal: AbortSignal | undefined,
  ): Promise<Proof> {
    const credentials = await this.lookup(target.registry, target.repository);
    if (credentials?.kind === 'bearer') return { authorization: `Bearer ${credentials.token}`, expiresAtMs: Infinity };
    if (challenge.scheme === 'bearer') return this.requestToken(challenge, credentials, scopes, subject, signal);
    if (credentials === undefined) throw unauthorized(subject, 'asks for a login');
    if (credentials.kind !== 'basic')
      throw unauthorized(subject, 'asks for user name and password, but the login is a token');
    return { authorization: basicHeader(credentials), expiresAtMs: Infinity };
  }

  private async requestToken(
    challenge: Extract<Challenge, { scheme: 'bearer' }>,
    credentials: Credentials | undefined,
    scopes: readonly string[],
    subject: RequestSubject,
    signal: AbortSignal | undefined,
  ): Promise<Proof> {
    const realm = URL.parse(challenge.realm);
    if (realm === null || (realm.protocol !== 'https:' && realm.protocol !== 'http:')) {
      throw unauthorized(subject, 'names a token service that is no web address');
    }
    realm.username = '';
    realm.password = '';
    if (realm.protocol === 'http:') requirePlainHttp(this.context, realm.host, `${subject.host} sends logins to`);
    const wanted = [...new Set([...scopes, ...(challenge.scope?.split(' ') ?? [])])].filter((scope) => scope !== '');
    const request = tokenRequest(realm, challenge.service, wanted, credentials);
    const tokenSubject = { host: subject.host, what: subject.what };
    const reply = await this.send({ ...request, signal }, tokenSubject);
    if (reply.status === 400 || reply.status === 401 || reply.status === 403) {
      await reply.discard();
      throw unauthorized(subject, credentials === undefined ? 'asks for a login' : 'does not accept the login');
    }
    if (reply.status !== 200) {
      await reply.discard();
      throw statusFailure(reply.status, { host: realm.host, what: `a token for ${subject.host}` }, '');
    }
    const bytes = await readAll(reply, this.context.limits, MAX_TOKEN_BYTES, `The token answer of ${realm.host}`).catch(
      (cause: unknown) => {
        signal?.throwIfAborted();
        throw networkFailure(realm.host, cause);
      },
    );
    return this.readToken(bytes, realm.host);
  }

  private readToken(bytes: Uint8Array, host: string): Proof {
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      json = undefined;
    }
    const parsed = TokenAnswer.safeParse(json);
    const token = parsed.success ? (parsed.data.token ?? parsed.data.access_token) : undefined;
    // The answer is not quoted: it may hold the token.
    if (!parsed.success || token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
      throw new OciError({
        code: 'UNAUTHORIZED',
        message: `The token service ${host} gave an answer without a usable token.`,
        hint: 'Check that the registry is set up rightly; a login page or a proxy may stand in between.',
      });
    }
    const seconds = Math.max(MIN_TOKEN_SECONDS, parsed.data.expires_in ?? MIN_TOKEN_SECONDS);
    return { authorization: `Bearer ${token}`, expiresAtMs: this.clock.now().getTime() + seconds * 1000 };
  }
}

/** GET with basic authentication, or the OAuth2 form when the login is a refresh token. */
function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): HttpRequest {
  if (credentials?.kind === 'refresh-token') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'bowline',
      refresh_token: credentials.token,
      scope: scopes.join(' '),
    });
    if (service !== undefined) form.set('service', service);
    const body = new TextEncoder().encode(form.toString());
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url: realm, headers, body: () => body, maxRedirects: 0 };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  return { method: 'GET', url, authorization: credentials?.kind === 'basic' ? basicHeader(credentials) : undefined };
}

function basicHeader(credentials: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`, 'utf8').toString('base64')}`;
}

function proofKey(target: AuthTarget, scopes: readonly string[]): string {
  return [target.registry, target.repository, ...[...scopes].sort()].join(' ');
}
