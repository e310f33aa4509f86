import { loadMachineDocument } from '@bowline/spec';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha512Crypt } from '../accounts/sha512-crypt.ts';
import { checkFirstUser, type FirstUser, firstUserConfig } from './first-user.ts';

const KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.alloc(36, 7)]).toString('base64')} a@b`;
const GOOD: FirstUser = { hostname: 'edge-7', user: 'ada', password: 'correct horse', keys: `${KEY}\n\ngithub:ada\n` };

describe('answers about the first user', () => {
  it('become a configuration that is accepted without a word, and means them', () => {
    expect(checkFirstUser(GOOD)).toEqual({});
    const { document, problems } = loadMachineDocument({ path: 'a', text: firstUserConfig(GOOD) });
    expect(problems).toEqual([]);
    const steps = Object.values(document?.stages ?? {}).flat();
    expect(steps).toMatchObject([
      { hostname: 'edge-7' },
      { users: { ada: { groups: ['admin'] } }, authorized_keys: { ada: [KEY] } },
      { authorized_keys: { ada: ['github:ada'] } },
    ]);
    const hash = /passwd: "(.*)"/.exec(firstUserConfig(GOOD))?.[1] ?? '';
    expect(sha512Crypt('correct horse', hash)).toBe(hash);
  });

  it.each<[field: keyof FirstUser, value: string]>([
    ['user', ''],
    ['user', 'Ada'],
    ['user', '0ada'],
    ['user', 'a'.repeat(33)],
    ['user', 'ada"\n  - name: eve'],
    ['hostname', '-edge'],
    ['hostname', 'edge_7'],
    ['hostname', '{{ .Values }}'],
    ['hostname', 'a..b'],
    ['hostname', `${'a'.repeat(63)}.${'b'.repeat(10)}`],
    ['password', 'short'],
    ['password', 'a'.repeat(257)],
    ['password', 'with\ttab and more'],
    ['keys', 'ssh-rsa nonsense'],
    ['keys', `${KEY}\n-----BEGIN OPENSSH PRIVATE KEY-----`],
    ['keys', 'ftp://example.com/keys'],
  ])('are refused with %s %j, and not repeated', (field, value) => {
    const problems = checkFirstUser({ ...GOOD, [field]: value });
    expect(Object.keys(problems)).toEqual([field]);
    if (value.length > 6) expect(problems[field]).not.toContain(value);
  });

  it('need a password or a key: nobody could log in', () => {
    expect(checkFirstUser({ ...GOOD, password: '', keys: ' \n' })).toHaveProperty('password');
    expect(checkFirstUser({ ...GOOD, password: '' })).toEqual({});
    expect(checkFirstUser({ ...GOOD, keys: '' })).toEqual({});
  });

  it('never become anything but what was asked, whatever was typed', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(fc.record({ hostname: text, user: text, password: fc.constant(''), keys: text }), (typed) => {
        const answers = { ...typed, keys: `${KEY}\n${typed.keys}` };
        if (Object.keys(checkFirstUser(answers)).length > 0) return;
        const { document, problems } = loadMachineDocument({ path: 'a', text: firstUserConfig(answers) });
        expect(problems).toEqual([]);
        const users = Object.values(document?.stages ?? {})
          .flat()
          .flatMap((step) => Object.keys(step.users ?? {}));
        expect(users).toEqual([answers.user]);
      }),
    );
  });
});
