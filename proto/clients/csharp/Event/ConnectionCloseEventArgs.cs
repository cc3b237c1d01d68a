using System;

namespace Ringcast.Realtime.Event
{
	/// <summary>What ConnectionClose hands over, for games that want to know why.</summary>
	public class ConnectionCloseEventArgs : EventArgs
	{
		/// <summary>The WebSocket close code; 1006 when the connection ended without one.</summary>
		public int Code { get; private set; }
		public string Reason { get; private set; }

		/// <summary>3000 to 3499: worth another try, with a new player session id.</summary>
		public bool MayReconnect
		{
			get { return Code == CloseCode.Abnormal || (Code >= 3000 && Code <= 3499); }
		}

		public ConnectionCloseEventArgs(int code, string reason)
		{
			Code = code;
			Reason = reason;
		}
	}
}
