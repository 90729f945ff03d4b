export { default } from './.kysely-ctlrc.ts';
