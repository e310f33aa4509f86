import { describeLife } from './fixtures/lifecycle/scenario.ts';

describeLife('uefi');
