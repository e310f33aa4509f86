import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactKnown, redactText } from './redact-text.ts';
import { redactValue, secretsOf } from './redact-value.ts';

const S = 'hunter2secret';

describe('text', () => {
  it.each([
    `password=${S}`,
    `"password": "${S}"`,
    `K3S_TOKEN='${S} with spaces'`,
    `--token ${S}`,
    `--token=${S}`,
    `https://user:${S}@example.com/a`,
    `https://${S}@example.com/a`,
    `https://example.com/a?token=${S}&b=c`,
    `Authorization: Bearer ${S}`,
    `authorization: Basic ${S}`,
    `psk: ${S}`,
    `options: token=${S}`,
    `a=b=--password ${S}`,
    `$6$salt$${S}/abc`,
    `api_key: ${S}`,
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${S}\n-----END OPENSSH PRIVATE KEY-----`,
    `-----BEGIN PRIVATE KEY-----\n${S}\ncut off`,
  ])('hides the secret of %j', (text) => expect(redactText(`a ${text}\nz`)).not.toContain(S));

  it.each([
    'nothing here',
    'level=3 size: 4',
    'https://example.com/path?x=1',
    'keyboard: us',
    'unit sshd.service: started',
  ])('leaves %j as it is', (text) => expect(redactText(text)).toBe(text));
  it('hides what is known to be secret anywhere', () => {
    expect(redactKnown(`argument ${S} of x`, [S])).toBe('argument *** of x');
  });
  it('takes linear time', () => {
    for (const piece of ['a=', '://', '--a ', '$6$', '"', '-----BEGIN ', "'", 'a:"', 'Basic '])
      redactText(piece.repeat(100_000));
  }, 20_000);
});

describe('a configuration', () => {
  it('keeps what is not secret', () => {
    const config = {
      hostname: 'a',
      users: { bob: { groups: ['admin'], passwd: S, ssh_authorized_keys: ['github:bob'] } },
    };
    expect(redactValue(config)).toEqual({
      hostname: 'a',
      users: { bob: { groups: ['admin'], passwd: '***', ssh_authorized_keys: ['github:bob'] } },
    });
  });
  it('hides contents of files, options of programs and URLs', () => {
    const config = {
      write_files: [{ path: '/etc/wifi', content: `psk=${S}` }],
      k3s: { args: ['--token', S, `--agent-token=${S}`], env: { K3S_TOKEN: S } },
      config_url: `https://a:${S}@example.com`,
      p2p: { network_token: S },
    };
    expect(JSON.stringify(redactValue(config))).not.toContain(S);
    expect(secretsOf(config)).toContain(S);
  });
  it('hides every text below a secret name', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('password', 'token', 'private_key', 'auth', 'K3S_TOKEN'),
        fc.jsonValue(),
        (name, value) => {
          const text = JSON.stringify(redactValue({ [name]: [value, { deep: S }] }));
          return !text.includes(S);
        },
      ),
    );
  });
});
