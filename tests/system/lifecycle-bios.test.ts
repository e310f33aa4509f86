import { describeLife } from './fixtures/lifecycle/scenario.ts';

describeLife('bios', process.env['BOWLINE_TEST_ALL'] === '1');
