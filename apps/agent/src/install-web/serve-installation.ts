import { setTimeout as sleep } from 'node:timers/promises';
import { makeServerCertificate } from '../certificate/server-certificate.ts';
import { endMachine } from '../install-choice/end-machine.ts';
import type { InstallEngine } from '../install-choice/engine.ts';
import type { Machine } from '../machine/machine.ts';
import { AccessCode } from './access-code.ts';
import type { Announcement } from './announcement.ts';
import { type AnswerWorld, answerRequest } from './answer-request.ts';
import { listen, SERVER_LIMITS, type ServerLimits } from './https-server.ts';
import { InstallJob } from './install-job.ts';
import { PlanShelf } from './plan-shelf.ts';
import { Sessions } from './sessions.ts';

/** How often the addresses of the machine are looked at: they may come late, and change. */
const LOOK_MS = 5_000;
/** Time to read the result, before the machine does what the configuration asked for. */
const FAREWELL_MS = 10_000;
/** The page of an installation that is done goes away by then: nothing of it is needed any more. */
const LINGER_MS = 15 * 60_000;

/** How the page is served. */
export interface ServeOptions {
  machine: Machine;
  engine: InstallEngine;
  version: string;
  port: number;
  host?: string;
  limits?: ServerLimits;
  say: (line: string) => void;
  addresses: () => string[];
  /** Shows on the console how to get in; called again whenever that changes. */
  announce: (announcement: Announcement, before: Announcement | undefined) => Promise<void>;
  /** Milliseconds that never go backwards; in tests they decide. */
  now?: () => number;
  farewellMs?: number;
  /** Called with the port when the page can be reached. */
  onReady?: (port: number) => void;
}

/** How it ended. */
export interface ServeOutcome {
  installed: boolean;
}

/**
 * Serves the page until the system is installed and the machine was told how to go on, or the machine's signal is aborted,
 * which stops an installation. Throws EADDRINUSE.
 */
export async function serveInstallation(options: ServeOptions): Promise<ServeOutcome> {
  const { machine, engine, say } = options;
  const now = options.now ?? (() => performance.now());
  const { hostname } = await machine.facts();
  const certificate = await makeServerCertificate({
    subject: 'Bowline installation',
    names: [...(isName(hostname) ? [hostname] : []), ...options.addresses()],
  });
  let port = options.port;
  let shown: Announcement | undefined;
  let code = '';
  let announcing = Promise.resolve();
  const show = (): void => {
    const announcement = { addresses: options.addresses(), port, fingerprint: certificate.fingerprint, code };
    const before = shown;
    if (JSON.stringify(announcement) === JSON.stringify(before)) return;
    shown = announcement;
    announcing = announcing
      .then(() => options.announce(announcement, before))
      .catch((error: unknown) => say(`the console cannot be written: ${error instanceof Error ? error.message : ''}`));
  };
  const job = new InstallJob(engine);
  const over = new AbortController();
  const world: AnswerWorld = {
    machine,
    engine,
    job,
    version: options.version,
    signal: machine.signal,
    say,
    plans: new PlanShelf(),
    sessions: new Sessions({ now }),
    code: new AccessCode({
      now,
      onCode: (text) => {
        code = text;
        // The first one is shown when the page can be reached.
        if (shown !== undefined) show();
      },
    }),
    end: (how) => void endSoon(how, 1_000),
  };
  const endSoon = async (how: 'reboot' | 'poweroff' | 'nothing', afterMs: number): Promise<void> => {
    await sleep(afterMs, undefined, { signal: machine.signal }).catch(() => undefined);
    over.abort(how);
  };
  world.code.renew();
  const server = await listen(
    {
      certificate,
      port,
      limits: options.limits ?? SERVER_LIMITS,
      ...(options.host === undefined ? {} : { host: options.host }),
    },
    (request, response) => void answerRequest(request, response, world),
  );
  port = server.port;
  show();
  // The code after a pause is shown without anybody asking.
  const looking = setInterval(() => void (world.code.pauseMs() === 0 && show()), LOOK_MS);
  const unwatch = job.watch(({ state, result, error }) => {
    if (state === 'failed') say(`the installation failed: ${error?.message ?? ''} (${error?.code ?? ''})`);
    if (state !== 'done') return;
    const after = result?.after ?? 'nothing';
    say('the installation is done');
    void endSoon(after, after === 'nothing' ? LINGER_MS : (options.farewellMs ?? FAREWELL_MS));
  });
  say(`the installation can be started from a browser at port ${port}; the console shows address and code`);
  options.onReady?.(port);
  const stop = AbortSignal.any([machine.signal, over.signal]);
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  unwatch();
  clearInterval(looking);
  await job.ended();
  await server.close();
  await announcing;
  const how: unknown = over.signal.reason;
  if (!machine.signal.aborted && (how === 'reboot' || how === 'poweroff')) {
    await endMachine(machine, how).catch((error: Error) => say(error.message));
  }
  return { installed: job.view.state === 'done' };
}

function isName(hostname: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(hostname) && hostname !== 'localhost';
}
