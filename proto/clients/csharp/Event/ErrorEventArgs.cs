using System;

namespace Ringcast.Realtime.Event
{
	public class ErrorEventArgs : BaseEventArgs
	{
		public Exception Exception { get; private set; }

		public ErrorEventArgs(Exception exception) : base(Constants.PLAYER_ID_CLIENT_INTERNAL, Constants.PLAYER_CONNECT_OP_CODE, new byte[0])
		{
			Exception = exception;
		}
	}
}
