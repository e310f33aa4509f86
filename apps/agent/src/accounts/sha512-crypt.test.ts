import { nodeHost } from '@bowline/host';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeSalt, sha512Crypt } from './sha512-crypt.ts';

describe('SHA-512 crypt', () => {
  // The vectors of the specification (akkadia.org/drepper/SHA-crypt.txt).
  it.each([
    [
      'Hello world!',
      '$6$saltstring',
      '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    ],
    [
      'Hello world!',
      '$6$rounds=10000$saltstringsaltstring',
      '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
    ],
    [
      'This is just a test',
      '$6$rounds=5000$toolongsaltstring',
      '$6$rounds=5000$toolongsaltstrin$lQ8jolhgVRVhY4b5pZKaysCLi0QBxGoNeKQzQ3glMhwllF7oGDZxUhx1yxdYcz/e1JSbq3y6JMxxl8audkUEm0',
    ],
    [
      'a short string',
      '$6$rounds=123456$asaltof16chars..',
      '$6$rounds=123456$asaltof16chars..$BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1',
    ],
    [
      'the minimum number is still observed',
      '$6$rounds=10$roundstoolow',
      '$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.',
    ],
  ])('of %j with %s', (password, setting, hash) => {
    expect(sha512Crypt(password, setting)).toBe(hash);
    expect(sha512Crypt(password, hash)).toBe(hash);
  });

  it('is what openssl makes, also of long and foreign passwords', async (ctx) => {
    const { processes } = nodeHost();
    const known = await processes.run({ argv: ['openssl', 'version'], timeoutMs: 5000 }).catch(() => undefined);
    if (known === undefined) return ctx.skip('openssl is not installed');
    const password = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 150 })
      .filter((text) => !/[\n\r\0]/.test(text));
    await fc.assert(
      fc.asyncProperty(password, async (text) => {
        const salt = makeSalt();
        const { stdout } = await processes.run({
          argv: ['openssl', 'passwd', '-6', '-stdin', '-salt', salt],
          stdin: { kind: 'bytes', bytes: Buffer.from(`${text}\n`) },
          timeoutMs: 5000,
        });
        expect(sha512Crypt(text, `$6$${salt}`)).toBe(new TextDecoder().decode(stdout).trim());
      }),
      { numRuns: 15 },
    );
  });

  it('has a salt of its own each time', () => {
    expect(makeSalt()).toMatch(/^[./A-Za-z0-9]{16}$/);
    expect(makeSalt()).not.toBe(makeSalt());
  });
});
