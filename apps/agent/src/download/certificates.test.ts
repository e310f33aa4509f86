import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { missingNeeds } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { downloadText } from './download.ts';

const hasOpenssl = (await missingNeeds([{ title: 'x', anyOf: ['openssl'], debianPackages: ['openssl'] }])).length === 0;
let test: TestMachine;
let server: Server;
let url: string;

/** A server with a certificate that it signed itself. */
beforeEach(async (ctx) => {
  test = await makeTestMachine();
  if (!hasOpenssl) ctx.skip('no openssl on this machine');
  const [key, certificate] = [join(test.root, 'key.pem'), join(test.root, 'certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const argv = ['openssl', 'req', '-x509', ...curve, '-keyout', key, '-out', certificate, ...subject] as const;
  await test.machine.processes.run({ argv: ['openssl', ...argv.slice(1)], timeoutMs: 20_000 });
  server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (request, response) => {
    if (request.url === '/down') response.writeHead(302, { location: 'http://localhost:1/x' }).end();
    else response.end('secret service');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  url = `https://localhost:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  server?.close();
  await test.remove();
});

/** Puts the certificate among the authorities of the machine. */
async function trust(): Promise<void> {
  const bundle = join(test.root, '/etc/ssl/certs/ca-certificates.crt');
  await mkdir(dirname(bundle), { recursive: true });
  await writeFile(bundle, `# comment\n${await readFile(join(test.root, 'certificate.pem'), 'utf8')}`);
}

describe('certificates', () => {
  it('that nobody vouches for are refused, at once', async () => {
    const startedMs = performance.now();
    const error = await downloadText(test.machine, url).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'DOWNLOAD_FAILED',
      message: expect.stringMatching(/certificate is not valid/),
    });
    expect(performance.now() - startedMs).toBeLessThan(900);
  });

  it('are believed when the machine knows their authority', async () => {
    await trust();
    expect(await downloadText(test.machine, url)).toBe('secret service');
  });

  it('must be for the name in the address', async () => {
    await trust();
    const run = downloadText(test.machine, url.replace('localhost', '127.0.0.1'));
    await expect(run).rejects.toThrow(/certificate is not valid \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  });

  it('are not left behind by a redirect to plain http', async () => {
    await trust();
    await expect(downloadText(test.machine, `${url}/down`)).rejects.toThrow(/from https to plain http/);
  });

  it('are verified even where the environment says otherwise', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    await expect(downloadText(test.machine, url)).rejects.toThrow(/would switch off the verification/);
  });
});
