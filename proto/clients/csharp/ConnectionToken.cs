using System;
using System.Text;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime
{
	/// <summary>Who logs in: the player session id that the game's backend was given, and bytes for the server's script.</summary>
	public class ConnectionToken
	{
		public string PlayerSessionId { get; private set; }
		public byte[] Payload { get; private set; }

		public ConnectionToken(string playerSessionId, byte[] payload)
		{
			if (playerSessionId == null)
				throw new ArgumentNullException("playerSessionId");
			if (Encoding.UTF8.GetByteCount(playerSessionId) > Limits.TokenBytes)
				throw new ArgumentException("longer than " + Limits.TokenBytes + " bytes", "playerSessionId");
			if (payload != null && payload.Length > Limits.PayloadReliableBytes)
				throw new ArgumentException("longer than " + Limits.PayloadReliableBytes + " bytes", "payload");
			PlayerSessionId = playerSessionId;
			Payload = payload;
		}
	}
}
