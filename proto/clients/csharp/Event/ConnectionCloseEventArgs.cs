using System;

namespace Ringcast.Realtime.Event
{
	/// <summary>What ConnectionClose hands over, for games that want to know why.</summary>
	public class ConnectionCloseEventArgs : EventArgs
	{
		/// <summary>The WebSocket close code; 1006 when the connection ended without one.</summary>
		public int Code { get; private set; }
		public string Reason { get; private set; }

		/// <summary>Worth another try, with a new player session id: 1006 and 3000 to 3499. Not after Disconnect, whatever the code: who left wants no other try.</summary>
		public bool MayReconnect { get; private set; }

		public ConnectionCloseEventArgs(int code, string reason) : this(code, reason, false)
		{
		}

		internal ConnectionCloseEventArgs(int code, string reason, bool hasLeft)
		{
			Code = code;
			Reason = reason;
			MayReconnect = !hasLeft && (code == CloseCode.Abnormal || (code >= 3000 && code <= 3499));
		}
	}
}
