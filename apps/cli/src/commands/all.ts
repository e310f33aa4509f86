import type { CommandDefinition, CommandGroup } from '../command.ts';
import { boot } from './boot.ts';
import { build } from './build.ts';
import { clean } from './clean.ts';
import { completion } from './completion.ts';
import { fetch } from './fetch.ts';
import { id } from './id.ts';
import { inspect } from './inspect.ts';
import { keys } from './keys.ts';
import { list } from './list.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { store } from './store.ts';
import { test } from './test.ts';
import { validate } from './validate.ts';
import { verify } from './verify.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly (CommandDefinition | CommandGroup)[] = [
  build,
  boot,
  list,
  validate,
  inspect,
  push,
  pull,
  verify,
  id,
  fetch,
  store,
  keys,
  clean,
  test,
  completion,
];
