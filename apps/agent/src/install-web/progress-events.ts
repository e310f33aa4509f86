import type { ServerResponse } from 'node:http';
import type { InstallJob, JobView } from './install-job.ts';
import { beginEvents } from './replies.ts';

/** Between two events that tell nothing but bytes. */
const INTERVAL_MS = 200;
const HEARTBEAT_MS = 15_000;
/** Of a reader who does not read. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/**
 * Sends the view of the job at once and at every change, in order, until it is over or the reader is gone. Each event holds
 * everything, so that who comes back after a lost connection misses nothing. `isOpen`: asked again with every heartbeat.
 */
export function sendProgress(response: ServerResponse, job: InstallJob, isOpen: () => boolean): void {
  beginEvents(response);
  let sent: JobView | undefined;
  let latest = job.view;
  let timer: NodeJS.Timeout | undefined;
  const send = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (latest === sent) return;
    sent = latest;
    response.write(`id: ${latest.sequence}\ndata: ${JSON.stringify(latest)}\n\n`);
    if (response.writableLength > MAX_BUFFERED_BYTES) response.destroy();
  };
  const unwatch = job.watch((view) => {
    const urgent = view.state !== latest.state || sent === undefined;
    latest = view;
    if (urgent) send();
    else timer ??= setTimeout(send, INTERVAL_MS);
  });
  const heartbeat = setInterval(() => {
    if (isOpen()) response.write(': \n\n');
    else response.end();
  }, HEARTBEAT_MS);
  response.on('close', () => {
    unwatch();
    clearTimeout(timer);
    clearInterval(heartbeat);
  });
}
