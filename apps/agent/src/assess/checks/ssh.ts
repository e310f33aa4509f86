import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { failed, PASSED, type RunCheck } from '../health-check.ts';

/** Loopback by both protocols: a server may listen on one of them only. */
const IPV4 = '127.0.0.1';
const ADDRESSES = [IPV4, '::1'];
const MAX_GREETING = 1024;

/**
 * Another address of this machine's own network each time. Since 9.8 OpenSSH turns those away who connect often and never log
 * in (sshd_config(5), PerSourcePenalties): asked from one address, it would soon not answer us, nor who logs in from there.
 */
function strangeLoopback(): string {
  return `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
}

/** Something on this machine greets as an SSH server does (RFC 4253, section 4.2). */
export const checkSsh: RunCheck<'ssh'> = async ({ port }, machine) => {
  let reason = '';
  for (const host of ADDRESSES) {
    const greeting = await readGreeting(host, port, machine.signal).catch((error: NodeJS.ErrnoException) => {
      reason ||= error.code === 'ECONNREFUSED' ? `nothing listens on port ${port}` : `port ${port} does not answer`;
      return undefined;
    });
    if (greeting === undefined) continue;
    if (/^SSH-[0-9.]+-/m.test(greeting)) return PASSED;
    reason = `what listens on port ${port} is no SSH server`;
  }
  return failed(reason);
};

/** What the other side says first: until it has named its protocol, hangs up, or has said too much. */
function readGreeting(host: string, port: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port, signal, ...(host === IPV4 ? { localAddress: strangeLoopback() } : {}) });
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      text += part;
      if (!/^SSH-[^\n]*\n/m.test(text) && text.length < MAX_GREETING) return;
      socket.destroy();
      resolve(text);
    });
    socket.on('end', () => resolve(text));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}
