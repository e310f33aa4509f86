import { createHash, randomBytes } from 'node:crypto';

/** Time without a request after which a session ends. */
const IDLE_MS = 30 * 60_000;
/** A session ends then, whatever happens. */
const TOTAL_MS = 12 * 3_600_000;
/** The oldest ends when one more begins. */
const MAX_SESSIONS = 8;
/** The prefix makes browsers refuse the cookie from anywhere but this host, over TLS. */
const COOKIE = '__Host-bowline';

interface Session {
  startedAt: number;
  usedAt: number;
}

/** Who has given the code. Only digests of the secrets are kept. */
export class Sessions {
  readonly #now: () => number;
  readonly #sessions = new Map<string, Session>();

  /** `now`: milliseconds, never backwards. */
  constructor(options: { now: () => number }) {
    this.#now = options.now;
  }

  /** Begins a session; the value of `Set-Cookie` for it. */
  begin(): string {
    const secret = randomBytes(32).toString('base64url');
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined && this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(oldest);
    const now = this.#now();
    this.#sessions.set(digest(secret), { startedAt: now, usedAt: now });
    return `${COOKIE}=${secret}; Path=/; Secure; HttpOnly; SameSite=Strict`;
  }

  /** Whether a request with this `Cookie` header has a session; it then lives on. */
  isOpen(cookies: string | undefined): boolean {
    const key = this.#keyOf(cookies);
    const session = key === undefined ? undefined : this.#sessions.get(key);
    if (key === undefined || session === undefined) return false;
    const now = this.#now();
    if (now - session.usedAt > IDLE_MS || now - session.startedAt > TOTAL_MS) {
      this.#sessions.delete(key);
      return false;
    }
    session.usedAt = now;
    return true;
  }

  /** Ends the session of a request; the value of `Set-Cookie` that takes the cookie away. */
  end(cookies: string | undefined): string {
    const key = this.#keyOf(cookies);
    if (key !== undefined) this.#sessions.delete(key);
    return `${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`;
  }

  #keyOf(cookies: string | undefined): string | undefined {
    for (const cookie of (cookies ?? '').split(';')) {
      const [name, value] = cookie.trim().split('=');
      // Looked up by digest: how far a guess was right shows in no time.
      if (name === COOKIE && value !== undefined && value.length === 43) return digest(value);
    }
    return undefined;
  }
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
