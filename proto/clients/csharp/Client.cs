using System;
using Ringcast.Realtime.Command;
using Ringcast.Realtime.Event;
using Ringcast.Realtime.Link;
using Ringcast.Realtime.Types;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime
{
	/// <summary>
	/// One player's connection. Poll does all the work and raises all events, so call it once a frame; nothing here waits or starts a thread.
	/// Use a client from one thread.
	/// </summary>
	public class Client : ClientEvents, ILinkOwner, IDisposable
	{
		public const int maxReliableMessageBytes = Limits.PayloadReliableBytes;
		public const int maxFastMessageBytes = Limits.PayloadFastBytes;

		private static readonly System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();

		private readonly ClientConfiguration configuration;
		private Connection connection;
		private bool isPolling;

		/// <summary>Kept for games that set it. It does not travel.</summary>
		public static string GameVersion { get; set; }

		public ClientSession Session { get; private set; }
		public ConnectionStatus Status { get; private set; }
		/// <summary>Of the last connection that ended: RFC 6455's or the server's code; 0 before.</summary>
		public int CloseCode { get; private set; }
		public string CloseReason { get; private set; }
		/// <summary>Why fast messages go by the WebSocket though the server offers UDP; null when nothing stands in the way.</summary>
		public string FastRefusal { get; private set; }

		/// <summary>The WebSocket is open.</summary>
		public bool Connected
		{
			get
			{
				return Status == ConnectionStatus.CONNECTED || Status == ConnectionStatus.CONNECTED_SEND_FAST ||
				       Status == ConnectionStatus.CONNECTED_SEND_AND_RECEIVE_FAST;
			}
		}

		/// <summary>And the server has let us in: messages can be sent.</summary>
		public bool ConnectedAndReady
		{
			get { return Connected && Session.LoggedIn; }
		}

		/// <summary>Of the last ping that the server answered; -1 before one.</summary>
		public double RoundTripMs
		{
			get { return connection != null && connection.Core.RoundTripUs >= 0 ? connection.Core.RoundTripUs / 1000.0 : -1; }
		}

		/// <summary>Bytes that wait for the network; none once the connection has ended.</summary>
		public int QueuedBytes
		{
			get { return connection != null && connection.Core.Phase != Phase.Closed ? connection.QueuedBytes : 0; }
		}

		/// <summary>Messages that were to go fast and went by the WebSocket.</summary>
		public long FallbackCount
		{
			get { return connection != null ? connection.Core.FallbackCount : 0; }
		}

		/// <summary>Broken connections that were made again.</summary>
		public long ResumeCount
		{
			get { return connection != null ? connection.ResumeCount : 0; }
		}

		/// <summary>Of these, those after which messages were lost.</summary>
		public long GapCount
		{
			get { return connection != null ? connection.GapCount : 0; }
		}

		/// <summary>Messages that were sent again.</summary>
		public long ResentCount
		{
			get { return connection != null ? connection.ResentCount : 0; }
		}

		private static long NowUs
		{
			get { return (long)(clock.ElapsedTicks * (1e6 / System.Diagnostics.Stopwatch.Frequency)); }
		}

		public Client() : this(ClientConfiguration.Default())
		{
		}

		public Client(ClientConfiguration configuration)
		{
			if (configuration == null)
				throw new ArgumentNullException("configuration");
			this.configuration = configuration;
			Status = ConnectionStatus.READY;
			Session = new ClientSession("", 0, null);
			CloseReason = "";
		}

		/// <summary>Begins; the events tell how it goes on. listenPort: the local UDP port, 0 for any. While connected it does nothing; a connection that still closes ends first, and its ConnectionClose is raised in here.</summary>
		public ConnectionStatus Connect(string endpoint, int remoteTcpPort, int listenPort, ConnectionToken token)
		{
			if (token == null)
				throw new ArgumentNullException("token");
			if (remoteTcpPort < 1 || remoteTcpPort > ushort.MaxValue)
				throw new ArgumentOutOfRangeException("remoteTcpPort");
			if (listenPort < 0 || listenPort > ushort.MaxValue)
				throw new ArgumentOutOfRangeException("listenPort");
			if (IsUnderWay)
				return Status;
			string host = Endpoint.HostOf(endpoint);
			ClientConfiguration settled = configuration.Settle();
			if (connection != null)
				connection.End(NowUs);
			if (IsUnderWay) /* a handler of that end was quicker */
				return Status;
			Forget();
			Session = new ClientSession(endpoint, remoteTcpPort, token);
			Status = ConnectionStatus.CONNECTING;
			CloseCode = 0;
			CloseReason = "";
			FastRefusal = null;
			connection = new Connection(settled, this, host, remoteTcpPort, listenPort, token, NowUs);
			return Status;
		}

		/// <summary>Does what is due, and raises the events. An exception of a handler comes out here, and the next call goes on behind it.</summary>
		public void Poll()
		{
			if (connection == null || isPolling)
				return;
			isPolling = true;
			try {
				connection.Poll(NowUs);
			} finally {
				isPolling = false;
			}
		}

		/// <summary>Sends at once what waits to share a datagram (ClientConfiguration.MayMerge), which else the next Poll does: for the end of a frame.</summary>
		public void Flush()
		{
			if (connection != null)
				connection.Core.FastPath.Flush();
		}

		/// <summary>Says goodbye. A later Poll raises ConnectionClose, when the server has answered or CloseTimeoutMs have passed.</summary>
		public void Disconnect()
		{
			if (connection == null || Status == ConnectionStatus.DISCONNECTED || Status == ConnectionStatus.DISCONNECTED_CLIENT_CALL)
				return;
			Status = ConnectionStatus.DISCONNECTED_CLIENT_CALL;
			Session.LoggedIn = false;
			connection.Core.Close(Realtime.CloseCode.Normal, NowUs);
			connection.Flush(NowUs);
		}

		/// <summary>Ends everything at once and raises nothing any more.</summary>
		public void Dispose()
		{
			Disconnect();
			Forget();
		}

		private void Forget()
		{
			if (connection != null)
				connection.Dispose();
			connection = null;
		}

		public RTMessage NewMessage(int opCode)
		{
			return new RTMessage(opCode, Session.ConnectedPeerId);
		}

		/// <summary>Sends, and says what became of it; what could not be sent is logged, too.</summary>
		public SendResult SendMessage(RTMessage message)
		{
			if (message == null)
				throw new ArgumentNullException("message");
			SendResult result = SendResult.NotConnected;
			if (CanSend)
				result = connection.Core.Send(message.OpCode, message.TargetPlayer, message.TargetGroup, message.Payload, message.DeliveryIntent == DeliveryIntent.Fast);
			return Leave(result, "message", message.OpCode);
		}

		/// <summary>A message to the server's script.</summary>
		public SendResult SendEvent(int opCode, byte[] data = null)
		{
			return SendMessage(NewMessage(opCode).WithTargetPlayer(Constants.PLAYER_ID_SERVER).WithPayload(data));
		}

		public SendResult JoinGroup(int targetGroup)
		{
			SendResult result = SendGroup(Constants.JOIN_GROUP_OP_CODE, PacketCommand.JoinGroup, targetGroup);
			if (result == SendResult.SentReliable)
				Session.Join(targetGroup);
			return result;
		}

		public SendResult LeaveGroup(int targetGroup)
		{
			SendResult result = SendGroup(Constants.LEAVE_GROUP_OP_CODE, PacketCommand.LeaveGroup, targetGroup);
			if (result == SendResult.SentReliable)
				Session.Leave(targetGroup);
			return result;
		}

		public SendResult RequestGroupMembership(int targetGroup)
		{
			return SendGroup(Constants.REQUEST_GROUP_MEMBERSHIP_OP_CODE, PacketCommand.RequestGroupMembership, targetGroup);
		}

		private bool CanSend
		{
			get { return ConnectedAndReady || Status == ConnectionStatus.RESUMING; }
		}

		private SendResult SendGroup(int opCode, PacketCommand command, int group)
		{
			return Leave(CanSend ? connection.Core.SendGroup(opCode, command, group) : SendResult.NotConnected, "command", opCode);
		}

		private SendResult Leave(SendResult result, string what, int opCode)
		{
			if (result == SendResult.SentReliable)
				connection.Flush(NowUs);
			else if (result != SendResult.SentFast)
				ClientLogger.Say(what + " " + opCode + " was not sent: " + ReasonOf(result));
			return result;
		}

		private static string ReasonOf(SendResult result)
		{
			return result == SendResult.NotConnected ? "not connected" : result == SendResult.Full ? "the send queue is full, or the server has not read what was sent" : "it makes no sense";
		}

		/// <summary>Fast messages go by UDP.</summary>
		public bool CanSendFast()
		{
			return Status == ConnectionStatus.CONNECTED_SEND_FAST;
		}

		public ConnectionStats GetFastConnectionStats()
		{
			return connection != null ? connection.Core.Fast : new ConnectionStats();
		}

		public ConnectionStats GetReliableConnectionStats()
		{
			return connection != null ? connection.Core.Reliable : new ConnectionStats();
		}

		public void ResetStats()
		{
			if (connection != null)
				connection.ResetStats();
		}

		private bool IsUnderWay
		{
			get { return Connected || Status == ConnectionStatus.CONNECTING || Status == ConnectionStatus.RESUMING; }
		}

		private bool IsLeaving
		{
			get { return Status == ConnectionStatus.DISCONNECTED_CLIENT_CALL; }
		}

		void ILinkOwner.LinkOpened()
		{
			if (IsLeaving)
				return;
			Status = ConnectionStatus.CONNECTED;
			OnOpen();
		}

		void ILinkOwner.LinkLoggedIn(int peerId)
		{
			if (IsLeaving)
				return;
			Session.ConnectedPeerId = peerId;
			Session.LoggedIn = true;
			OnReady();
		}

		void ILinkOwner.LinkFastChanged(bool isUp)
		{
			if (!Connected)
				return;
			Status = isUp ? ConnectionStatus.CONNECTED_SEND_FAST : ConnectionStatus.CONNECTED;
			OnFastChanged();
		}

		void ILinkOwner.LinkFastRefused(string reason)
		{
			FastRefusal = reason;
		}

		void ILinkOwner.LinkMessage(DataReceivedEventArgs args)
		{
			if (!IsLeaving)
				OnDataReceived(args);
		}

		void ILinkOwner.LinkMembership(GroupMembershipEventArgs args)
		{
			if (IsLeaving)
				return;
			Session.Learn(args.GroupId, args.PlayerIds);
			OnGroupMembershipUpdated(args);
		}

		void ILinkOwner.LinkDropped(DroppedEventArgs args)
		{
			if (IsLeaving)
				return;
			Status = ConnectionStatus.RESUMING;
			OnDropped(args);
		}

		void ILinkOwner.LinkResumed(ResumedEventArgs args)
		{
			if (IsLeaving)
				return;
			Status = ConnectionStatus.CONNECTED;
			OnResumed(args);
		}

		void ILinkOwner.LinkClosed(ConnectionCloseEventArgs args, Exception error)
		{
			ConnectionCloseEventArgs told = new ConnectionCloseEventArgs(args.Code, args.Reason, IsLeaving);
			if (!IsLeaving)
				Status = ConnectionStatus.DISCONNECTED;
			Session.LoggedIn = false;
			CloseCode = args.Code;
			CloseReason = args.Reason;
			try {
				if (error != null)
					OnError(error);
			} finally {
				OnClose(told);
			}
		}
	}
}
