import { runImageProgram } from '../../machine/image-program.ts';
import { PASSED, type RunCheck } from '../health-check.ts';

/** A program of the image ends with 0. */
export const checkCommand: RunCheck<'command'> = async (check, machine) => {
  await runImageProgram(machine, check);
  return PASSED;
};
