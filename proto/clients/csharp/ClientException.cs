using System;

namespace Ringcast.Realtime
{
	/// <summary>Why a connection was not made or had to end: what ConnectionError hands over. Never thrown at the game.</summary>
	public class ClientException : Exception
	{
		public ClientException(string message) : base(message)
		{
		}

		public ClientException(string message, Exception cause) : base(message, cause)
		{
		}
	}
}
