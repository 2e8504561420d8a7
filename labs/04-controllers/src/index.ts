// @kube-labs/controllers: the public names of lab 04, and nothing else.

export type { Controller, ControllerContext, ControllerFactory } from './controller.ts';
export type { ControllerManagerOptions } from './controller-manager.ts';
export { ControllerManager } from './controller-manager.ts';
export { controllers, enabledControllers } from './controllers.ts';
export type { ControllerOptions } from './options.ts';
export { defaultOptions } from './options.ts';
