/** What a message, or an octet stream that is none, is to the session machine. Pure. */
import type {Event} from '../fsm/event.js';
import * as c from '../wire/constants.js';
import type {Frame} from '../wire/header.js';
import {decodeNotification, type Notification} from '../wire/notification.js';
import {decodeOpen} from '../wire/open.js';

export type Message = Extract<Frame, {kind: 'message'}>;

export function eventOf(bytes: Uint8Array, {type, at, length}: Message): Event {
  switch (type) {
    case c.OPEN: {
      const result = decodeOpen(bytes, at, length);
      if (result.kind === 'open') return {kind: 'BGPOpen', open: result.open};
      return {kind: 'BGPOpenMsgErr', notification: result.notification};
    }
    case c.UPDATE:
      return {kind: 'UpdateMsg'};
    case c.NOTIFICATION:
      return notificationEvent(decodeNotification(bytes, at, length));
    case c.ROUTE_REFRESH:
      return {kind: 'RouteRefreshMsg'};
    default:
      return {kind: 'KeepAliveMsg'}; // the framer lets no sixth type through
  }
}

function notificationEvent(notification: Notification): Event {
  const {code, subcode} = notification;
  const isVersion = code === c.OPEN_ERROR && subcode === c.UNSUPPORTED_VERSION;
  return {kind: isVersion ? 'NotifMsgVerErr' : 'NotifMsg', notification};
}
