namespace Ringcast.Realtime.Link
{
	/// <summary>Where a packet comes in, and in which state that is.</summary>
	internal enum Place
	{
		StreamLogin,
		StreamOpen,
		StreamClosing,
		FastHello,
		FastUp
	}

	/// <summary>What a packet is for us.</summary>
	internal enum Verdict
	{
		Drop,
		LoginResult,
		Membership,
		/// <summary>The server has heard a hello.</summary>
		FastAck,
		/// <summary>Goes to the game.</summary>
		Message
	}

	/// <summary>Which packet may come where. A server of the game's may say its welcome before the login result.</summary>
	internal static class Gate
	{
		private const Verdict drop = Verdict.Drop, login = Verdict.LoginResult, members = Verdict.Membership, ack = Verdict.FastAck, message = Verdict.Message;

		private static readonly Verdict[][] table = {
			/*                     stream login, open,    closing; fast hello, up */
			/* login result */ new[] {login,    drop,    drop,    drop,       drop},
			/* membership   */ new[] {members,  members, drop,    members,    members},
			/* fast ack     */ new[] {drop,     drop,    drop,    ack,        ack},
			/* identity     */ new[] {drop,     drop,    drop,    drop,       drop},
			/* game         */ new[] {message,  message, drop,    message,    message},
		};

		public static Verdict Judge(int opCode, Place place)
		{
			return table[RowOf(opCode)][(int)place];
		}

		private static int RowOf(int opCode)
		{
			switch (opCode) {
			case Constants.LOGIN_RESPONSE_OP_CODE:
				return 0;
			case Constants.GROUP_MEMBERSHIP_UPDATE_OP_CODE:
				return 1;
			case Constants.UDP_CONNECT_SERVER_ACK_OP_CODE:
				return 2;
			case Constants.VERIFY_IDENTITY_RESPONSE_OP_CODE:
				return 3;
			default:
				return 4;
			}
		}
	}
}
