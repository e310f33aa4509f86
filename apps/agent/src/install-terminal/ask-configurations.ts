import { BowlineError } from '@bowline/errors';
import { formatProblem } from '@bowline/spec';
import { readNamedConfig } from '../config/named-config.ts';
import type { ConfigurationText } from '../install/wish.ts';
import { CHECKS, checkFirstUser, type FirstUser, firstUserConfig } from '../install-choice/first-user.ts';
import { checkConfiguration } from '../install-choice/make-wish.ts';
import type { Machine } from '../machine/machine.ts';
import type { Prompter } from './prompter.ts';

/** More problems than this would push the question off the screen. */
const SHOWN_PROBLEMS = 8;

/** Asks for a first user and for a further configuration; both may be left out. */
export async function askConfigurations(
  machine: Machine,
  prompter: Prompter,
  cwd: string,
): Promise<ConfigurationText[]> {
  const configurations: ConfigurationText[] = [];
  if (await prompter.confirm('Make a user who can log in?', true)) {
    configurations.push({ origin: 'your answers', text: firstUserConfig(await askFirstUser(prompter)) });
  }
  const further = await askFurther(machine, prompter, cwd);
  return further === undefined ? configurations : [...configurations, further];
}

async function askFirstUser(prompter: Prompter): Promise<FirstUser> {
  const user = await prompter.text({ message: 'User name', example: 'ada', check: CHECKS.user });
  const keys = await prompter.text({
    message: 'SSH key, github:NAME, gitlab:NAME or a web address; empty for none',
    example: `github:${user}`,
    check: CHECKS.keys,
  });
  const answers: FirstUser = { user, keys, password: '', hostname: '' };
  answers.password = await askPassword(prompter, answers);
  answers.hostname = await prompter.text({
    message: 'Name of the machine; empty for one that it makes itself',
    example: 'edge-7',
    check: CHECKS.hostname,
  });
  return answers;
}

async function askPassword(prompter: Prompter, answers: FirstUser): Promise<string> {
  for (;;) {
    const password = await prompter.password({
      message: answers.keys === '' ? 'Password' : 'Password; empty for none',
      check: (value) => checkFirstUser({ ...answers, password: value }).password,
    });
    if (password === '') return '';
    if ((await prompter.password({ message: 'The same password again' })) === password) return password;
    prompter.warn('The two passwords differ.');
  }
}

async function askFurther(machine: Machine, prompter: Prompter, cwd: string): Promise<ConfigurationText | undefined> {
  for (;;) {
    const name = await prompter.text({
      message: 'Further configuration: a file or a web address; empty for none',
      example: 'https://example.com/edge.yaml',
    });
    if (name === '') return undefined;
    try {
      const { path: origin, text } = await readNamedConfig(machine, name, cwd);
      if (await isAccepted({ origin, text }, prompter)) return { origin, text };
    } catch (error) {
      if (!(error instanceof BowlineError)) throw error;
      prompter.warn([error.message, error.hint].filter((line) => line !== undefined && line !== '').join('. '));
    }
  }
}

async function isAccepted(configuration: ConfigurationText, prompter: Prompter): Promise<boolean> {
  const { usable, problems, notApplied } = checkConfiguration(configuration);
  const lines = [
    ...problems.map(formatProblem),
    ...notApplied.map(({ key, reason }) => `${key} has no effect: ${reason}`),
  ];
  if (lines.length === 0) return true;
  const more = lines.length - SHOWN_PROBLEMS;
  prompter.show(`In ${configuration.origin}`, [
    ...lines.slice(0, SHOWN_PROBLEMS),
    ...(more > 0 ? [`and ${more} more: bowline-agent validate says them all`] : []),
  ]);
  return usable && (await prompter.confirm('Use it as it is?'));
}
