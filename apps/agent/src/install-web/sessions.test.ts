import { beforeEach, describe, expect, it } from 'vitest';
import { Sessions } from './sessions.ts';

const MINUTE = 60_000;
let time = 0;
let sessions: Sessions;
/** What a browser sends back of a Set-Cookie. */
const sent = (setCookie: string): string => setCookie.split(';')[0] ?? '';

beforeEach(() => {
  time = 0;
  sessions = new Sessions({ now: () => time });
});

describe('sessions', () => {
  it('are a cookie that scripts, other sites and plain connections never see', () => {
    expect(sessions.begin()).toMatch(/^__Host-bowline=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
  });

  it('are open for who has the cookie, among others, too', () => {
    const cookie = sent(sessions.begin());
    expect(sessions.isOpen(cookie)).toBe(true);
    expect(sessions.isOpen(`a=b; ${cookie}; c`)).toBe(true);
  });

  it.each([
    ['no cookie', () => undefined],
    ['an empty one', () => '__Host-bowline='],
    ['another value', () => `__Host-bowline=${'A'.repeat(43)}`],
    ['a part of it', (cookie: string) => cookie.slice(0, -1)],
    ['more than it', (cookie: string) => `${cookie}A`],
    ['another name', (cookie: string) => cookie.replace('__Host-', '')],
  ])('are closed for %s', (_what, change) => {
    expect(sessions.isOpen(change(sent(sessions.begin())))).toBe(false);
  });

  it('end after half an hour without a request', () => {
    const cookie = sent(sessions.begin());
    for (let count = 0; count < 4; count += 1) {
      time += 30 * MINUTE;
      expect(sessions.isOpen(cookie)).toBe(true);
    }
    time += 30 * MINUTE + 1;
    expect(sessions.isOpen(cookie)).toBe(false);
    time -= MINUTE;
    expect(sessions.isOpen(cookie)).toBe(false);
  });

  it('end after twelve hours in any case', () => {
    const cookie = sent(sessions.begin());
    while (time <= 12 * 60 * MINUTE) {
      expect(sessions.isOpen(cookie)).toBe(true);
      time += 20 * MINUTE;
    }
    expect(sessions.isOpen(cookie)).toBe(false);
  });

  it('end when their owner says so', () => {
    const [one, other] = [sent(sessions.begin()), sent(sessions.begin())];
    expect(sessions.end(one)).toMatch(/^__Host-bowline=; .*Max-Age=0$/);
    expect([one, other].map((cookie) => sessions.isOpen(cookie))).toEqual([false, true]);
  });

  it('are eight at most: the oldest gives way', () => {
    const cookies = Array.from({ length: 9 }, () => sent(sessions.begin()));
    expect(cookies.map((cookie) => sessions.isOpen(cookie))).toEqual([false, ...Array.from({ length: 8 }, () => true)]);
  });
});
