// Test settings of this lab: the ones that all labs share.
export { default } from '../../test/vitest.shared.ts';
