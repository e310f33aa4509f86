import { AgentError } from '../error.ts';
import { collectConfigurations } from '../install/configurations.ts';
import type { InstallEngine } from '../install-choice/engine.ts';
import { checkFirstUser, firstUserConfig } from '../install-choice/first-user.ts';
import { checkConfiguration, makeWish } from '../install-choice/make-wish.ts';
import { diskView, planView } from '../install-choice/plan-view.ts';
import type { Machine } from '../machine/machine.ts';
import type { InstallJob } from './install-job.ts';
import { PAGE_FILES, PAGE_SCRIPTS } from './page-files.ts';
import type { PlanShelf } from './plan-shelf.ts';
import { jsonReply, type Reply } from './replies.ts';

/** How the page calls the configuration in its editor. */
const EDITOR = 'configuration';

/** What the routes work with. */
export interface RouteWorld {
  machine: Machine;
  engine: InstallEngine;
  job: InstallJob;
  plans: PlanShelf;
  version: string;
  signal: AbortSignal;
  /** Ends the machine, and this server before it. */
  end: (how: 'reboot' | 'poweroff') => void;
}

/** A request to the machine: only who has given the code gets here. */
export type Route =
  | { method: 'GET'; path: string; answer: (world: RouteWorld) => Promise<Reply> | Reply }
  | {
      method: 'POST';
      path: string;
      fields: readonly string[];
      answer: (world: RouteWorld, fields: Readonly<Record<string, string>>) => Promise<Reply> | Reply;
    };

function get(path: string, answer: (world: RouteWorld) => Promise<Reply> | Reply): Route {
  return { method: 'GET', path, answer };
}

function post<Field extends string>(
  path: string,
  fields: readonly Field[],
  answer: (world: RouteWorld, fields: Record<Field, string>) => Promise<Reply> | Reply,
): Route {
  // The fields are checked before it is called.
  return { method: 'POST', path, fields, answer: (world, found) => answer(world, found as Record<Field, string>) };
}

/** Everything behind the code, but the events of an installation (`/api/progress`), whose answer does not end. */
export const ROUTES: readonly Route[] = [
  get('/', () => ({ status: 200, type: 'html', body: PAGE_FILES.page })),
  ...Object.entries(PAGE_SCRIPTS).map(([path, body]) => get(path, () => ({ status: 200, type: 'js', body }))),
  get('/api/machine', async ({ machine, engine, job, version }) => {
    const [facts, disks, given] = await Promise.all([machine.facts(), engine.disks(), collectConfigurations(machine)]);
    return jsonReply({
      hostname: facts.hostname,
      arch: facts.arch,
      version,
      disks: disks.map(diskView),
      configurations: given.map(({ origin }) => origin),
      job: job.view,
    });
  }),
  post('/api/validate', ['config'], (_world, { config }) =>
    jsonReply(checkConfiguration({ origin: EDITOR, text: config })),
  ),
  post('/api/first-user', ['hostname', 'user', 'password', 'keys'], (_world, answers) => {
    const problems = checkFirstUser(answers);
    if (Object.keys(problems).length > 0) return jsonReply({ problems });
    return jsonReply({ problems, config: firstUserConfig(answers) });
  }),
  post('/api/plan', ['disk', 'config'], async ({ machine, engine, plans }, { disk, config }) => {
    const configurations = config.trim() === '' ? [] : [{ origin: EDITOR, text: config }];
    const { wish, reports } = await makeWish(machine, { disk, configurations });
    const plan = await engine.plan(wish, reports);
    return jsonReply({ id: plans.keep(plan), plan: planView(plan) });
  }),
  post('/api/install', ['id', 'confirmation'], ({ job, plans, signal }, { id, confirmation }) => {
    const plan = plans.take(id, confirmation);
    job.start(plan, signal);
    return jsonReply(job.view, 202);
  }),
  post('/api/stop', [], ({ job }) => {
    job.stop();
    return jsonReply(job.view, 202);
  }),
  post('/api/end', ['how'], ({ job, end }, { how }) => {
    if (how !== 'reboot' && how !== 'poweroff')
      throw new AgentError({ code: 'USAGE', message: 'how: reboot or poweroff' });
    if (job.view.state === 'running') {
      throw new AgentError({ code: 'LIFECYCLE_BUSY', message: 'an installation runs: stop it first' });
    }
    end(how);
    return jsonReply({ how }, 202);
  }),
];
