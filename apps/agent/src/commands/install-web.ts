import { Command, InvalidArgumentError } from 'commander';
import { AgentError } from '../error.ts';
import { machineEngine } from '../install-choice/engine.ts';
import { announce, ownAddresses, withdraw } from '../install-web/announcement.ts';
import { serveInstallation } from '../install-web/serve-installation.ts';
import { defineCommand } from './command.ts';

/** Not 443: the installed system may serve something there, and this page must never be taken for it. */
const PORT = 8443;

/** `bowline-agent install-web`: lets people install this live system from a browser. */
export const installWeb = defineCommand<[], { port: number }>({
  declare: () =>
    new Command('install-web')
      .description(
        'Serves a page that installs this system, over TLS. Address, fingerprint of the certificate and a one-time code are shown ' +
          'on the console; without the code the page does nothing. Ends with the installation. Live systems run it by themselves.',
      )
      .option('--port <number>', 'port to listen on', parsePort, PORT),
  examples: ['bowline-agent install-web', 'bowline-agent install-web --port 9443'],
  run: async (_args, { port }, { machine, version, say }) => {
    let isServed = false;
    try {
      const { installed } = await serveInstallation({
        machine,
        engine: machineEngine(machine),
        version,
        port,
        say,
        addresses: ownAddresses,
        onReady: () => void (isServed = true),
        announce: (announcement, before) => announce(machine, announcement, before),
      });
      return { text: '', json: { installed } };
    } catch (error) {
      throw isInUse(error) ? portInUse(port, error) : error;
    } finally {
      // Otherwise the words above the prompt are those of another.
      if (isServed) await withdraw(machine);
    }
  },
});

function isInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function portInUse(port: number, cause: unknown): AgentError {
  return new AgentError({
    code: 'LIFECYCLE_BUSY',
    message: `port ${port} is in use: the page may be there already`,
    hint: 'Look at the console, or choose another port with --port.',
    cause,
  });
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('It must be a number from 1 to 65535.');
}
